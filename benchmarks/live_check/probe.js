// Put into the page before its own scripts: keeps what is shown and heard, and when. Times are milliseconds
// since 1970, which the check's own clock counts too.
(() => {
  const SIDE = 192; // pixels of the grey picture of the face that is kept
  const BLOCK = 480; // samples of sound in 10 ms
  const METER = `registerProcessor("meter", class extends AudioWorkletProcessor {
    constructor() { super(); this.sum = 0; this.count = 0; }
    process([[samples]]) {
      for (let k = 0; k < 128; k++) {
        this.sum += samples ? samples[k] ** 2 : 0;
        if (++this.count === ${BLOCK}) {
          this.port.postMessage([Date.now(), currentTime + k / sampleRate, Math.sqrt(this.sum / ${BLOCK})]);
          this.sum = this.count = 0;
        }
      }
      return true;
    }
  });`;
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const probe = (window.probe = { pictures: [], sounds: [], stopped: [], region: null, ended: false });
  const wall = (time) => performance.timeOrigin + time;

  function grey(video) {
    const [x, y, side] = probe.region;
    pen.drawImage(video, x, y, side, side, 0, 0, SIDE, SIDE);
    const { data } = pen.getImageData(0, 0, SIDE, SIDE);
    const shades = new Uint8Array(SIDE * SIDE);
    for (let k = 0; k < shades.length; k++) shades[k] = (77 * data[4 * k] + 150 * data[4 * k + 1] + 29 * data[4 * k + 2]) >> 8;
    return shades;
  }

  function watch(video) {
    const see = (now, shown) => {
      if (probe.ended) return;
      video.requestVideoFrameCallback(see);
      probe.first ??= wall(shown.expectedDisplayTime);
      if (probe.region) probe.pictures.push([wall(shown.expectedDisplayTime), shown.rtpTimestamp ?? 0, shown.presentedFrames, grey(video)]);
    };
    video.requestVideoFrameCallback(see);
    document.addEventListener("keydown", ({ key, timeStamp }) => key === "Escape" && probe.stopped.push(wall(timeStamp)), true);
    document.getElementById("start").addEventListener("click", ({ timeStamp }) => (probe.clicked = wall(timeStamp)), true);
  }

  function told(blob) {
    return new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result.split(",")[1] ?? "");
      reader.readAsDataURL(blob);
    });
  }

  // Hears what the page's own video element is given: a track that the page has muted is silent here too.
  probe.hear = async () => {
    const context = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([METER], { type: "text/javascript" })));
    const meter = new AudioWorkletNode(context, "meter", { numberOfOutputs: 0 });
    meter.port.onmessage = ({ data }) => probe.ended || probe.sounds.push(data);
    context.createMediaStreamSource(document.getElementById("face").srcObject).connect(meter);
    await context.resume();
  };

  // Mean brightness of what was kept, which is kept no longer.
  probe.take = () => {
    const taken = [probe.pictures.map(([at, ticks, count, shades]) => [at, ticks, count, shades.reduce((a, b) => a + b, 0) / shades.length]), probe.sounds];
    probe.pictures = [];
    probe.sounds = [];
    return taken;
  };

  // Nothing is kept from now on: what follows may hold up the page.
  probe.end = () => {
    probe.ended = true;
    return [probe.pictures.map(([at, ticks, count]) => [at, ticks, count]), probe.sounds, probe.stopped, SIDE];
  };

  // Grey pixels of some pictures, as one text.
  probe.pixels = (from, to) => told(new Blob(probe.pictures.slice(from, to).map((one) => one[3])));

  // The whole picture, to find the face in it.
  probe.portrait = () => {
    const video = document.getElementById("face");
    const whole = new OffscreenCanvas(video.videoWidth, video.videoHeight).getContext("2d");
    whole.drawImage(video, 0, 0);
    return whole.canvas.convertToBlob({ type: "image/png" }).then(told);
  };

  addEventListener("DOMContentLoaded", () => watch(document.getElementById("face")));
})();
