// <ditto-avatar server="https://…" token="…">: a live face in any page. The server gives this and what it imports as one file.

import { made } from "./dom.js";
import { joined } from "./face.js";
import { Figures } from "./figures.js";
import { microphone } from "./microphone.js";
import { Api } from "./server.js";

const MEASURED = 1000; // milliseconds between looks at how far the sound is behind the picture
const REJOINED = 4000; // milliseconds that a call waits for a connection that was lost
const MOVING = [500, 1000, 2000, 4000]; // milliseconds between questions for a session that is on its way to another process
const GIVEN_UP = "It was ended, or begun anew, meanwhile.";
const LOOK = `
:host { display: inline-block; position: relative; width: 384px; aspect-ratio: 1; overflow: hidden; border-radius: 12px; background: #0d0d0e; }
:host([hidden]), [hidden] { display: none !important; }
video { display: block; width: 100%; height: 100%; object-fit: cover; }
p, button { position: absolute; left: 50%; transform: translateX(-50%); font: 1rem/1.4 system-ui, sans-serif; color: #fff; }
p { bottom: 4%; width: max-content; max-width: 86%; max-height: 32%; margin: 0; padding: 4px 12px; overflow: auto; border-radius: 8px; background: rgb(0 0 0 / 72%); text-align: center; text-wrap: balance; overflow-wrap: anywhere; }
button { top: 12px; min-height: 40px; padding: 4px 16px; border: 0; border-radius: 99px; background: #1f5fbf; cursor: pointer; white-space: nowrap; }
button:focus-visible { outline: 2px solid #fff; outline-offset: -4px; }
.start { top: auto; bottom: 12px; }
`;

const places = new Set(); // of the elements in this page

class DittoAvatar extends HTMLElement {
  static observedAttributes = ["server", "token", "avatar", "muted", "captions", "waits"];

  #video = made("video", { autoplay: true, playsInline: true });
  #caption = made("p", { part: "caption", ariaLive: "polite", hidden: true });
  #tap = made("button", { type: "button", part: "button", textContent: "Tap for sound", hidden: true, onclick: () => this.#unmute() });
  #start = made("button", { type: "button", part: "button", className: "start", textContent: "Start", hidden: true, onclick: () => this.start() });
  #figures = new Figures(this.#video, () => {});
  #texts = new Map(); // of utterances
  #joined; // promise of an open way for commands
  #wire;
  #media;
  #attempt; // to begin, the latest one
  #found; // promise of the session of an attempt
  #place; // among the elements in the page
  #watch;
  #rate; // of the sound that is pushed

  constructor() {
    super();
    const look = new CSSStyleSheet();
    look.replaceSync(LOOK);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [look];
    root.append(this.#video, this.#caption, this.#tap, this.#start);
  }

  connectedCallback() {
    for (this.#place = 0; places.has(this.#place); this.#place++);
    places.add(this.#place);
    this.#video.muted = this.hasAttribute("muted");
    this.#show();
    if (!this.hasAttribute("waits")) this.start();
  }

  disconnectedCallback() {
    places.delete(this.#place);
    this.#leave();
  }

  attributeChangedCallback(name, before, now) {
    if (!this.isConnected || before === now) return;
    this.#show();
    if (name === "muted") this.#video.muted = now !== null;
    if (["server", "token", "avatar"].includes(name) && (this.#joined || !this.hasAttribute("waits"))) this.start();
  }

  // ---- what pages call; each gives a promise that says in a sentence why it could not be

  // Begins, or begins anew: with the attributes as they are now.
  start() {
    this.#leave();
    const begun = (this.#joined = this.#begin());
    begun.catch((error) => {
      if (begun !== this.#joined) return;
      this.#joined = undefined;
      this.#show();
      this.#fail(error.message);
    });
    this.#show();
    return begun;
  }

  // Speaks a text; gives the number of the utterance.
  async say(text) {
    return (await this.#ask("say", { text })).utterance;
  }

  // Silence now; gives the seconds that were heard.
  async interrupt() {
    this.#media?.silence();
    return (await this.#ask("interrupt")).seconds;
  }

  // Speaks sound, as fast as it comes: numbers in -1..1 in a Float32Array, or an Int16Array; mono.
  async push(samples, rate = 16000) {
    if (rate !== this.#rate) await this.#ask("sound", { rate, to: "speech" });
    this.#rate = rate;
    this.#wire.sound(samples instanceof Int16Array ? samples : Int16Array.from(samples, (one) => Math.round(Math.max(-1, Math.min(1, one)) * 32767)));
  }

  // What was pushed is spoken to its end; the next sound is another utterance.
  async flush() {
    await this.#ask("flush");
  }

  // Opens the microphone, which the face listens to; false closes it.
  async listen(on = true) {
    await this.#joined;
    const media = this.#media;
    if (on && media?.microphone?.readyState !== "live") await media.send(await microphone());
    if (!on) {
      media?.microphone?.stop();
      await media?.send(null);
    }
    await this.#ask("mode", { microphone: on ? "to" : "off" });
  }

  // ---- a session

  async #begin() {
    const attempt = (this.#attempt = {});
    await new Promise((done) => setTimeout(done)); // other attributes may be set in the same moment
    if (attempt !== this.#attempt) throw new Error(GIVEN_UP);
    const [server, token] = [this.getAttribute("server"), this.getAttribute("token")];
    if (!server || !token) throw new Error("A ditto-avatar needs the attributes server and token.");
    const api = new Api(server, token);
    await this.#found?.catch(() => {}); // one that was given up may still be making its session
    if (attempt !== this.#attempt) throw new Error(GIVEN_UP);
    this.#found = found(api, `ditto-avatar ${this.id ? `#${this.id}` : this.#place} ${server} ${token}`, this.getAttribute("avatar"));
    const session = await this.#found;
    if (attempt !== this.#attempt) throw new Error(GIVEN_UP);
    this.#video.poster = new URL(`/v1/avatars/${session.avatar}/picture`, api.base);
    await this.#join(api, session);
  }

  async #join(api, session) {
    const { wire, media } = joined(api, session, this.#video, this.getAttribute("transport"));
    this.#wire = wire;
    this.#media = media;
    wire.addEventListener("event", ({ detail }) => this.#happened(detail));
    wire.addEventListener("lost", () => (this.#rate = undefined));
    wire.addEventListener("problem", ({ detail }) => this.#fail(detail));
    wire.addEventListener("over", ({ detail }) => {
      this.#leave();
      this.#show();
      this.#fail(detail);
    });
    media.addEventListener("state", ({ detail }) => detail.state === "bad" && this.#fail(detail.words));
    media.addEventListener("silent", () => this.#quietly());
    this.#video.addEventListener("loadeddata", () => media === this.#media && this.#tell("ready", { session: session.id }), { once: true });
    if (session.recorded) this.#tell("recording", { on: true });
    media.join();
    this.#watch = setInterval(async () => {
      const { buffered, offset } = await this.#figures.measure(media.peer);
      media.buffered = buffered;
      media.keepInStep(offset);
    }, MEASURED);
    await opened(wire);
  }

  #leave() {
    clearInterval(this.#watch);
    this.#attempt = this.#watch = this.#joined = this.#rate = undefined;
    this.#media?.microphone?.stop();
    this.#media?.close();
    this.#wire?.close();
    this.#media = this.#wire = undefined;
    this.#texts.clear();
    this.#say();
  }

  async #ask(type, more) {
    if (!this.#joined) throw new Error("It has not begun: call start().");
    await this.#joined;
    if (!this.#wire) throw new Error(GIVEN_UP);
    await opened(this.#wire);
    return this.#wire.ask(type, more);
  }

  #happened({ type, ...detail }) {
    const text = this.#texts.get(detail.utterance);
    if (type === "caption") this.#texts.set(detail.utterance, detail.text);
    if (type === "started") {
      this.#say(text);
      this.#tell("playing", { ...detail, text });
    }
    if (type === "finished" || type === "interrupted") {
      this.#texts.delete(detail.utterance);
      this.#say();
      this.#tell(type, { ...detail, text });
    }
    if (type === "failed") this.#fail(detail.reason);
    if (type === "recording") this.#tell(type, detail);
    if (type === "restored") {
      this.#rate = undefined;
      this.#texts.clear();
      this.#say();
    }
  }

  // ---- what is seen

  #show() {
    this.#start.hidden = Boolean(this.#joined) || !this.hasAttribute("waits");
    const [server, avatar] = [this.getAttribute("server"), this.getAttribute("avatar")];
    if (server && avatar) this.#video.poster = new URL(`/v1/avatars/${encodeURIComponent(avatar)}/picture`, new URL(server, location.href));
    this.#say(this.#caption.textContent);
  }

  #say(text = "") {
    this.#caption.textContent = text;
    this.#caption.hidden = !text || !this.hasAttribute("captions");
  }

  // A browser that plays no sound before a click shows the face without it.
  async #quietly() {
    this.#video.muted = true;
    this.#tap.hidden = this.hasAttribute("muted");
    await this.#video.play().catch(() => {});
  }

  #unmute() {
    this.#video.muted = false;
    this.#tap.hidden = true;
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #fail(message) {
    this.#tell("error", { message });
  }
}

// The session that was kept under a name, or a new one where that is over or shows another avatar than is wanted.
async function found(api, kept, avatar) {
  const before = sessionStorage.getItem(kept);
  let session = before && (await unlessOver(api, "GET", before));
  if (session && avatar && session.avatar !== avatar) {
    await unlessOver(api, "DELETE", before); // its place is free then, for another of the same token
    session = undefined;
  }
  session ||= await api.ask("POST", "/v1/sessions", { avatar });
  sessionStorage.setItem(kept, session.id);
  return session;
}

// The answer about a session; undefined where it is over.
async function unlessOver(api, method, id) {
  for (let tries = 0; ; tries++) {
    try {
      return await api.ask(method, `/v1/sessions/${id}`);
    } catch (error) {
      if (error.status === 404) return;
      if (error.status !== 503 || tries === MOVING.length) throw error;
    }
    await new Promise((done) => setTimeout(done, MOVING[tries]));
  }
}

// A way that is being joined again is waited for, but not for long.
function opened(wire) {
  if (wire.socket.readyState === WebSocket.OPEN) return;
  return new Promise((done) => {
    wire.addEventListener("open", done, { once: true });
    setTimeout(done, REJOINED);
  });
}

customElements.define("ditto-avatar", DittoAvatar);
