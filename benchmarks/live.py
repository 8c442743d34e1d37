"""Latency of live pictures behind their sound, which is pushed at its own pace in 20 ms pieces.

For each frame t:
  latency  from the arrival of its last sample, 640 (t + 1), to the frame leaving
  compute  from the arrival of the last sample needed for it, hop and look-ahead included, to the
           frame leaving: what is left of the latency is waiting that a faster machine would not save
Also whether 25 frames a second were kept up, and whether any frame was missing, came out of order,
or showed the same picture as the one before (by a checksum of its raw pixels).
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more would wait busily while the stages work

import numpy as np

from ditto import Engine
from ditto.media.sound import read_sound
from ditto.packs.mini.motion.lip_readout import LISTENING
from ditto.rates import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME

PIECE = 320  # samples, 20 ms


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", default="examples/astronaut.jpg")
    parser.add_argument("--audio", default="examples/speech.flac", help="repeated as often as needed")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, default=30)
    length.add_argument("--minutes", type=float)
    parser.add_argument("--lookahead", type=int, default=4, help="frames")
    parser.add_argument("--json", metavar="FILE")
    parsed = parser.parse_args()

    seconds = parsed.seconds if parsed.minutes is None else parsed.minutes * 60
    frames = max(1, int(seconds * FRAME_RATE))
    voice = np.resize(read_sound(parsed.audio).samples, frames * SAMPLES_PER_FRAME)
    load_before = os.getloadavg()[0]
    with Engine.load("mini_online", audio={"lookahead": parsed.lookahead}) as engine:
        avatar = engine.register(parsed.image)
        with engine.session(avatar) as warm_up:
            warm_up.push(voice[: 20 * SAMPLES_PER_FRAME])
            warm_up.end()
            list(warm_up.pictures())
        with engine.session(avatar) as live:
            arrived, left, shown = watch(live, voice)
            profile = live.profile()
    found = {
        "expected": frames,
        **figures(arrived, left, shown, parsed.lookahead),
        "load_before": load_before,
        "load_after": os.getloadavg()[0],
        "cores": os.cpu_count(),
    }
    for name, value in found.items():
        print(f"{name:<16} {value:.2f}" if isinstance(value, float) else f"{name:<16} {value}")
    print(profile)
    if parsed.json:
        Path(parsed.json).write_text(json.dumps(found, indent=2) + "\n")


def watch(live: Any, voice: Any) -> tuple[Any, Any, list[tuple[int, int]]]:
    """Seconds since the first piece was due: (n,) each frame's sound arriving, (m,) each frame
    leaving; and the number and checksum of those that left."""
    arrived = np.full(len(voice) // SAMPLES_PER_FRAME, np.inf)
    left: list[float] = []
    shown: list[tuple[int, int]] = []
    began = time.perf_counter()

    def speak() -> None:
        for at in range(0, len(voice), PIECE):
            time.sleep(max(0.0, began + (at + PIECE) / SAMPLE_RATE - time.perf_counter()))
            live.push(voice[at : at + PIECE])
            if (at + PIECE) % SAMPLES_PER_FRAME == 0:
                arrived[at // SAMPLES_PER_FRAME] = time.perf_counter() - began
        live.end()

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    for picture in live.pictures():
        left.append(time.perf_counter() - began)
        shown.append((picture.index, zlib.crc32(picture.image)))
    speaker.join()
    return arrived, np.array(left), shown


def figures(arrived: Any, left: Any, shown: list[tuple[int, int]], lookahead: int) -> dict[str, Any]:
    """What the times say; `compute` counts from the last sound a frame had to wait for."""
    hop = LISTENING["online"]["hop"]
    number = np.arange(len(left))
    needed = np.minimum(number // hop * hop + hop + lookahead, len(arrived)) - 1
    latency, compute = 1000 * (left - arrived[: len(left)]), 1000 * (left - arrived[needed])
    # a picture must be there when the one before has been shown for 40 ms: how late is the worst
    late = left - left[0] - number / FRAME_RATE
    return {
        "frames": len(left),
        "out_of_order": sum(index != place for place, (index, _) in enumerate(shown)),
        "repeated": sum(before[1] == after[1] for before, after in pairwise(shown)),
        "distinct": len({checksum for _, checksum in shown}),
        "fps": (len(left) - 1) / (left[-1] - left[0]) if len(left) > 1 else 0.0,
        "first_ms": 1000 * float(left[0]),
        "latency_ms_p50": float(np.percentile(latency, 50)),
        "latency_ms_p95": float(np.percentile(latency, 95)),
        "latency_ms_max": float(latency.max()),
        "compute_ms_p50": float(np.percentile(compute, 50)),
        "compute_ms_p95": float(np.percentile(compute, 95)),
        "compute_ms_max": float(compute.max()),
        "latest_ms": 1000 * float(late.max()),
    }


if __name__ == "__main__":
    main()
