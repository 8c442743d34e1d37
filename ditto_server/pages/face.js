// A face that is joined: its way for commands, and the media that follow what is told there.

import { Media } from "./media.js";
import { Wire } from "./wire.js";

export function joined(server, session, video, transport) {
  const wire = new Wire(server, session);
  const media = new Media(server, session, video, transport);
  const follow = {
    started: () => media.started(),
    mute: () => media.silence(),
    restored: () => media.join(),
  };
  wire.addEventListener("event", ({ detail }) => follow[detail.type]?.());
  media.addEventListener("said", ({ detail }) => wire.take(detail));
  return { wire, media };
}
