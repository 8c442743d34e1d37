"""A live face of the official pack on a virtual clock, at ASSUMED times of a GPU.

Nothing is measured here but the timing rules: how long a burst of speech waits for its first spoken
frame, and how many frames come without a picture, if painting took 40, 20 or 10 ms a frame and a step
of the denoiser 2 ms.
"""

from __future__ import annotations

import numpy as np

from benchmarks.virtual_face import VirtualFace
from cfg.preset import preset
from cfg.reading import load
from ditto.packs.official.pack import OfficialPack
from ditto.rates import SAMPLE_RATE
from stream_pipeline.live.hearing import WINDOW_ROWS, Hearing
from stream_pipeline.live_face import Started

PRESETS = ("low-latency", "live-balanced", "steady")
PICTURE_MS = (40, 20, 10)
STEP_MS = 2.0
HEARING_FRAMES = 6  # that the speech encoder may hold back: five new, two of the future
TRIALS = 40


def waits(name: str, picture_ms: float) -> tuple[float, float, float]:
    """Median and 95th percentile of the wait in ms, and the share of frames without a picture."""
    motion = load("ditto_onnx_online", **preset(name)).motion
    assert motion.overlap is not None
    unit = WINDOW_ROWS - motion.overlap
    face = VirtualFace(
        hearing=Hearing(
            silence=np.zeros(1, np.float32),
            lookahead=HEARING_FRAMES,
            unit=unit,
            delay=min(OfficialPack.online_delay, unit),
        ),
        seconds_a_picture=picture_ms / 1000,
        seconds_of_motion=motion.steps * STEP_MS / 1000,
    )
    face.run(10)
    first, missing, found = len(face.frames), 0, []
    voice = np.full(2 * SAMPLE_RATE, 0.5, np.float32)
    for trial in range(TRIALS):
        pushed = face.now
        number = face.say(voice)
        face.run(4.0 + trial / 997)
        started = (m for m, event in face.events if isinstance(event, Started) and event.utterance == number)
        found.append(1000 * (next(started) - pushed))
    missing = sum(frame.image is None for frame in face.frames[first:])
    half, most = np.percentile(found, [50, 95])
    return float(half), float(most), missing / (len(face.frames) - first)


def main() -> None:
    print(
        f"ASSUMED: {STEP_MS:g} ms a denoising step, and the painting time in each row; nothing was measured"
    )
    print(f"{'preset':<15} {'painting':>9} {'first spoken frame, p50 and p95':>32} {'without a picture':>18}")
    for name in PRESETS:
        for picture_ms in PICTURE_MS:
            half, most, missing = waits(name, picture_ms)
            print(f"{name:<15} {picture_ms:>6} ms {half:>20.0f} {most:>8.0f} ms {missing:>18.1%}")


if __name__ == "__main__":
    main()
