// Picture and sound as MP4 over a WebSocket, where WebRTC does not get through: joined again when they were lost.

const MOVIE_KIND = 'video/mp4; codecs="avc1.42c01f,opus"';
const BUFFERED = 0.25; // seconds between what is received and what is shown
const MAX_BEHIND = 1; // seconds, after which what lies between is left out
const KEPT_BEHIND = 10; // seconds that were shown already
const AGAIN = 1000; // milliseconds between tries
const SESSION_OVER = 4000; // code with which the server closes

export const canWatch = () => globalThis.MediaSource?.isTypeSupported(MOVIE_KIND) === true;

export class Movie {
  constructor(server, session, video, shown) {
    Object.assign(this, { server, session, video, shown, closed: false });
    this.join();
  }

  join() {
    clearTimeout(this.pause);
    let opened = false;
    const socket = (this.socket = this.server.socket(this.session.links.mp4));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (!opened) this.open(); // until then the last picture stays
      opened = true;
      this.waiting.push(data);
      this.append();
    };
    socket.onclose = ({ code }) => {
      if (socket === this.socket && !this.closed && code !== SESSION_OVER) this.pause = setTimeout(() => this.join(), AGAIN);
    };
  }

  open() {
    this.waiting = [];
    this.buffer = undefined;
    const source = (this.source = new MediaSource());
    URL.revokeObjectURL(this.video.src);
    this.video.srcObject = null;
    this.video.src = URL.createObjectURL(source);
    source.onsourceopen = () => {
      this.buffer = source.addSourceBuffer(MOVIE_KIND);
      this.buffer.onupdateend = () => source === this.source && this.append();
      this.append();
    };
    source.onsourceended = () => source === this.source && this.socket.close(); // it could not be decoded
    this.shown();
  }

  append() {
    const { buffer, video } = this;
    if (!buffer || buffer.updating || this.source.readyState !== "open") return;
    this.catchUp();
    if (buffer.buffered.length && video.currentTime - buffer.buffered.start(0) > 2 * KEPT_BEHIND) buffer.remove(0, video.currentTime - KEPT_BEHIND);
    else if (this.waiting.length) buffer.appendBuffer(this.waiting.shift());
  }

  // What is shown follows what is received: a little faster where it lags, with a leap where it has lost touch.
  catchUp() {
    const ranges = this.video.buffered;
    if (!ranges.length) return;
    const [start, end] = [ranges.start(ranges.length - 1), ranges.end(ranges.length - 1)];
    const behind = end - this.video.currentTime;
    if (this.video.currentTime < start || behind > MAX_BEHIND) this.video.currentTime = Math.max(start, end - BUFFERED);
    this.video.playbackRate = behind > 2 * BUFFERED ? 1.1 : 1;
  }

  hear(enabled) {
    this.video.volume = enabled ? 1 : 0;
  }

  close() {
    this.closed = true;
    clearTimeout(this.pause);
    this.socket.close();
    URL.revokeObjectURL(this.video.src);
    this.video.removeAttribute("src");
    this.hear(true);
  }
}
