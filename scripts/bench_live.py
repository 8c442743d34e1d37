"""How long after the sound a live picture leaves: sound pushed at its own pace in 20 ms pieces.

For each frame t the time from the arrival of sample 640 (t + 1) to the frame leaving, as median
and 95th percentile; the part of it that is waiting for look-ahead and hop is known, the rest is
computing. Also counts frames that are missing or come out twice.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from ditto import Engine
from ditto.media.sound import read_sound
from ditto.messages import SAMPLE_RATE, SAMPLES_PER_FRAME

PIECE = 320  # samples, 20 ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", default="examples/astronaut.jpg")
    parser.add_argument("--audio", default="examples/speech.flac")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--lookahead", type=int, default=4, help="frames")
    parser.add_argument("--json", metavar="FILE")
    parsed = parser.parse_args()

    voice = read_sound(parsed.audio).samples
    length = int(parsed.seconds * SAMPLE_RATE) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
    voice = np.resize(voice, length)
    arrived = np.full(length // SAMPLES_PER_FRAME, np.inf)
    left, sums = [], []
    with Engine.load("mini_online", audio={"lookahead": parsed.lookahead}) as engine:
        avatar = engine.register(parsed.image)
        with engine.session(avatar) as warm_up:
            warm_up.push(voice[: 20 * SAMPLES_PER_FRAME])
            warm_up.end()
            list(warm_up.pictures())
        with engine.session(avatar) as live:
            began = time.perf_counter()

            def speak() -> None:
                for at in range(0, length, PIECE):
                    due = began + (at + PIECE) / SAMPLE_RATE
                    time.sleep(max(0.0, due - time.perf_counter()))
                    live.push(voice[at : at + PIECE])
                    frame = (at + PIECE) // SAMPLES_PER_FRAME
                    if (at + PIECE) % SAMPLES_PER_FRAME == 0:
                        arrived[frame - 1] = time.perf_counter()
                live.end()

            threading.Thread(target=speak, daemon=True).start()
            for picture in live.pictures():
                left.append(time.perf_counter())
                sums.append(int(picture.image.sum(dtype=np.int64)))
            profile = live.profile()
    delays = 1000 * (np.array(left) - arrived[: len(left)])
    found = {
        "frames": len(left),
        "expected": len(arrived),
        "repeated": sum(a == b for a, b in pairwise(sums)),
        "first_ms": 1000 * (left[0] - began),
        "latency_ms_p50": float(np.percentile(delays, 50)),
        "latency_ms_p95": float(np.percentile(delays, 95)),
        "latency_ms_max": float(delays.max()),
    }
    for name, value in found.items():
        print(f"{name:<16} {value:.1f}" if isinstance(value, float) else f"{name:<16} {value}")
    print(profile)
    if parsed.json:
        Path(parsed.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
