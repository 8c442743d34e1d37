"""The mini pack's decoder: background behind the head, eyes, and the inside of the mouth."""

from __future__ import annotations

from ditto.arrays import Image
from ditto.faces.topology import EYES
from ditto.packs.mini.paint.composite import repainted
from ditto.packs.mini.paint.edge_smoothing import soften
from ditto.packs.mini.paint.eyes import paint_eye
from ditto.packs.mini.paint.mouth import mouth
from ditto.packs.mini.paint.warper import Moved
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.stages.messages import Pose


class MiniDecoder:
    """The whole frame with the picture moved, and over it what the source does not show."""

    def __call__(self, pose: Pose[MiniAppearance], warped: Moved | None) -> Image | None:
        if warped is None:
            return None
        look = pose.source.look
        background = look.background if warped.uncovers else None
        out = repainted(look.image, look.opaque, background, look.head.wide_box[:2], warped.map)
        soften(out, look.head, warped)
        for number, eye in enumerate(EYES):
            if warped.blink[number] or warped.gaze[number].any():
                layer = look.eyes[number]
                if layer is not None:
                    paint_eye(out, eye, look.head, layer, warped, number)
        mouth(out, look, warped)
        return out
