"""What a video element of a page shows and plays. `video` is an expression of JavaScript that gives it."""

PICTURES = """async (video) => {
  const canvas = new OffscreenCanvas(64, 64);
  const drawn = canvas.getContext("2d", { willReadFrequently: true });
  const seen = new Set();
  for (let n = 0; n < 6; n++) {
    await new Promise((done) => { video.requestVideoFrameCallback(done); setTimeout(done, 200); });
    if (!video.videoWidth) continue;
    drawn.drawImage(video, 0, 0, 64, 64);
    seen.add(drawn.getImageData(0, 0, 64, 64).data.join());
  }
  return seen.size;
}"""
LISTEN = """(video) => {
  const context = new AudioContext();
  const heard = (window.heard = new AnalyserNode(context, { fftSize: 2048 }));
  const stream = video.srcObject;
  (stream ? context.createMediaStreamSource(stream) : context.createMediaElementSource(video)).connect(heard);
  context.resume();
}"""
LOUDNESS = """() => {
  const samples = new Float32Array(2048);
  window.heard.getFloatTimeDomainData(samples);
  return Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
}"""


def moves(page, video):
    """Whether pictures that differ come one after the other."""
    return page.evaluate(f"({PICTURES})({video})") >= 3


def listen(page, video):
    """From now on the page measures what is heard."""
    page.evaluate(f"({LISTEN})({video})")


def loudness(page):
    """Root mean square of the last 40 ms that were heard."""
    return page.evaluate(LOUDNESS)


def until(page, condition, tries=100):
    for _ in range(tries):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come about in time")
