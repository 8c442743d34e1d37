// What is measured of picture and sound, twice a second.

export class Figures {
  constructor(video, show) {
    this.video = video;
    this.show = show;
    this.times = []; // of pictures that were presented
    this.last = {};
    const count = (now) => {
      this.times.push(now);
      video.requestVideoFrameCallback(count);
    };
    video.requestVideoFrameCallback?.(count);
  }

  async measure(peer, told) {
    const now = performance.now();
    this.times = this.times.filter((time) => now - time < 2000);
    const shown = { "Frames a second": this.times.length > 1 ? rate(this.times).toFixed(1) : "–" };
    let buffered, offset;
    if (peer) {
      const reports = [...(await peer.getStats()).values()];
      const inbound = (kind) => reports.find((report) => report.type === "inbound-rtp" && report.kind === kind);
      const picture = inbound("video");
      const sound = inbound("audio");
      if (picture && sound) {
        offset = sound.estimatedPlayoutTimestamp - picture.estimatedPlayoutTimestamp;
        shown["Sound after picture"] = Number.isFinite(offset) ? `${(-offset).toFixed(0)} ms` : "–";
        buffered = this.buffer("sound", sound);
        const way = reports.find((report) => report.type === "candidate-pair" && report.nominated);
        const travel = way?.currentRoundTripTime === undefined ? 0 : way.currentRoundTripTime * 500;
        const waits = this.buffer("picture", picture);
        if (waits !== undefined) shown["Delay from the server"] = `${(waits + travel).toFixed(0)} ms`;
        shown["Bitrate of pictures"] = `${(this.speed("bits", picture.bytesReceived) * 0.008).toFixed(0)} kbit/s`;
        shown["Pictures dropped"] = picture.framesDropped ?? 0;
        shown["Freezes"] = picture.freezeCount ?? 0;
        shown["Packets lost"] = (picture.packetsLost ?? 0) + (sound.packetsLost ?? 0);
        shown["Codec"] = reports.find((report) => report.id === picture.codecId)?.mimeType.split("/")[1] ?? "–";
        shown["Size"] = picture.frameWidth ? `${picture.frameWidth} × ${picture.frameHeight}` : "–";
      }
    }
    if (told) {
      shown["Server: a picture takes"] = `${told.compute_ms.toFixed(0)} ms`;
      shown["Server: pictures late"] = told.late;
      shown["Server: speech waiting"] = `${told.queued_seconds.toFixed(1)} s`;
    }
    this.show(shown);
    return { buffered, offset };
  }

  // Milliseconds that samples or pictures waited since the last time.
  buffer(name, report) {
    const [delay, count] = [this.speed(`${name} delay`, report.jitterBufferDelay), this.speed(`${name} count`, report.jitterBufferEmittedCount)];
    return count > 0 ? (1000 * delay) / count : undefined;
  }

  // Growth of a number a second.
  speed(name, value) {
    const now = performance.now();
    const [before, then] = this.last[name] ?? [value, now - 1];
    this.last[name] = [value, now];
    return ((value - before) / (now - then)) * 1000;
  }
}

const rate = (times) => ((times.length - 1) / (times.at(-1) - times[0])) * 1000;
