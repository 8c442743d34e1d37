// Picture and sound by WebRTC: joined again when they were lost, silent at once when told so.

import { canWatch, Movie } from "./movie.js";

const PATIENCE = 3000; // milliseconds for which a way that is interrupted may mend itself
const SILENCE = 400; // milliseconds of an interrupted voice that may still be on their way
const IN_STEP = 15; // milliseconds by which sound and picture may differ
const MAX_WAIT = 300; // milliseconds that pictures may wait for their sound
const FIRST_PICTURE = 8000; // milliseconds after which WebRTC is taken to be blocked
const NO_WEBRTC = 501; // status of a server without it
const BY_SOCKET = "Picture and sound come by WebSocket instead, a little later; the microphone does not.";

export class Media extends EventTarget {
  // `transport` is "mp4" where WebRTC is not to be tried.
  constructor(server, session, video, transport) {
    super();
    Object.assign(this, { server, session, video, microphone: null, closed: false, tries: 0 });
    if (transport === "mp4") this.instead = "Picture and sound come by WebSocket, as was asked for.";
    else if (!globalThis.RTCPeerConnection) this.instead = `This browser speaks no WebRTC. ${BY_SOCKET}`;
  }

  async join() {
    clearTimeout(this.pause);
    clearTimeout(this.doubt);
    this.peer?.close();
    this.peer = undefined;
    this.movie?.close();
    if (this.closed) return;
    if (this.instead) return this.watch();
    const peer = (this.peer = new RTCPeerConnection({ iceServers: this.session.ice_servers }));
    peer.ontrack = ({ streams, receiver }) => this.add(streams[0], receiver);
    peer.onconnectionstatechange = () => peer === this.peer && this.changed();
    this.voice = peer.addTransceiver("audio", { direction: "sendrecv" });
    if (this.microphone) this.voice.sender.replaceTrack(this.microphone);
    peer.addTransceiver("video", { direction: "recvonly" });
    this.channel = peer.createDataChannel("events");
    this.channel.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent("said", { detail: JSON.parse(data) }));
    this.tell("wait", "Looking for a way for picture and sound …");
    try {
      await peer.setLocalDescription();
      await gathered(peer);
      const { type, sdp } = peer.localDescription;
      const answer = await this.server.ask("POST", this.session.links.offer, { type, sdp });
      await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    } catch (error) {
      if (peer !== this.peer || this.closed) return;
      if (error.status === NO_WEBRTC) return this.blocked(error.message);
      this.tell("bad", error.message);
      this.again();
      return;
    }
    this.doubt = setTimeout(() => peer === this.peer && peer.connectionState !== "connected" && this.blocked(blocked(this.session)), FIRST_PICTURE);
  }

  // WebRTC does not get through: the way by WebSocket is taken from now on.
  blocked(words) {
    if (!canWatch()) return this.tell("bad", words);
    this.instead = `${words} ${BY_SOCKET}`;
    this.join();
  }

  watch() {
    this.tell("wait", "Asking for picture and sound by WebSocket …");
    this.movie = new Movie(this.server, this.session, this.video, () => {
      this.tell("good", this.instead);
      this.play();
    });
  }

  // Picture and sound are of one stream, which the browser keeps in step.
  add(stream, receiver) {
    if (this.video.srcObject !== stream) this.video.srcObject = stream;
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    this.play();
  }

  // A browser that plays no sound before a click is told of.
  play() {
    this.video.play().catch((error) => error.name === "NotAllowedError" && this.dispatchEvent(new Event("silent")));
  }

  changed() {
    const state = this.peer.connectionState;
    clearTimeout(this.pause);
    if (state === "connected") {
      this.tries = 0;
      this.tell("good", "Picture and sound arrive.");
    } else if (state === "disconnected") {
      this.tell("wait", "Picture and sound are interrupted; waiting for the network …");
      this.pause = setTimeout(() => this.join(), PATIENCE);
    } else if (state === "failed") {
      this.tell("bad", blocked(this.session));
      this.again();
    }
  }

  again() {
    this.pause = setTimeout(() => this.join(), Math.min(8000, 500 * 2 ** this.tries++));
  }

  // Pictures wait for their sound, which browsers hold back for longer: `offset` is how far it is behind.
  keepInStep(offset) {
    const receiver = this.peer?.getReceivers().find((one) => one.track.kind === "video");
    if (!Number.isFinite(offset) || Math.abs(offset) < IN_STEP || !receiver || !("jitterBufferTarget" in receiver)) return;
    receiver.jitterBufferTarget = Math.max(0, Math.min(MAX_WAIT, (receiver.jitterBufferTarget ?? 0) - offset / 2));
  }

  // What the jitter buffer still holds of an interrupted voice is not heard.
  silence() {
    clearTimeout(this.hush);
    this.hear(false);
    this.silentSince = performance.now();
    this.hush = setTimeout(() => this.speak(), SILENCE);
  }

  // A new utterance has begun: it follows what was in the buffer when the silence began.
  started() {
    if (this.silentSince === undefined) return;
    clearTimeout(this.hush);
    this.hush = setTimeout(() => this.speak(), Math.max(0, this.silentSince + (this.buffered ?? 100) - performance.now()));
  }

  speak() {
    this.silentSince = undefined;
    this.hear(true);
  }

  hear(enabled) {
    if (this.movie) return this.movie.hear(enabled);
    for (const track of this.video.srcObject?.getAudioTracks() ?? []) track.enabled = enabled;
  }

  async send(track) {
    if (track && this.instead) throw new Error("The microphone needs WebRTC, which does not get through here.");
    this.microphone = track;
    await this.voice?.sender.replaceTrack(track);
  }

  tell(state, words) {
    this.dispatchEvent(new CustomEvent("state", { detail: { state, words } }));
  }

  close() {
    this.closed = true;
    clearTimeout(this.pause);
    clearTimeout(this.doubt);
    clearTimeout(this.hush);
    this.peer?.close();
    this.movie?.close();
  }
}

function gathered(peer) {
  return new Promise((done) => {
    if (peer.iceGatheringState === "complete") return done();
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
    setTimeout(done, 1500);
  });
}

function blocked(session) {
  const relayed = session.ice_servers.some(({ urls }) => `${urls}`.startsWith("turn"));
  return relayed
    ? "Picture and sound do not get through: UDP is blocked, and the TURN server did not help either."
    : "Picture and sound do not get through: UDP between this browser and the server seems to be blocked. A TURN server helps: start with --ice-server turn:HOST.";
}
