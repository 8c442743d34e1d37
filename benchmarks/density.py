"""How many live faces two cores keep up: each speaks, rests and is encoded as H.264, in real time.

    python -m benchmarks.density --processes 2 --faces 3

`faces` are those of each process. Late is a frame handed out after the moment it was due, or without a
picture of its own; `ms a frame` is processor of all processes, encoding included.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import threading
import time
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing.synchronize import Barrier

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more would wait busily while the stages work

import av
import numpy as np

from ditto import Engine
from ditto.arrays import Floats
from ditto.media.sound import read_sound
from ditto.rates import FRAME_RATE, SAMPLE_RATE
from stream_pipeline.performer import Performer

WARM_SECONDS = 4.0
X264 = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"}


@dataclass(frozen=True, slots=True)
class Task:
    """Faces of one process."""

    image: str
    audio: str
    max_size: int
    faces: int
    seconds: float
    number: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of one process."""

    frames: int
    missing: int  # pictures
    late: list[float]  # milliseconds after each frame was due
    processor: float  # seconds
    steps: list[int]  # of the ladder, at the end


class Viewer:
    """Reads one face and encodes it."""

    def __init__(self, face: Performer) -> None:
        self._face = face
        self._measures = threading.Event()
        self._over = threading.Event()
        self.due: list[tuple[int, float]] = []  # number of the frame, and when it was handed out
        self.missing = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def measure(self) -> None:
        self._measures.set()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        height, width = (side - side % 2 for side in self._face.size)
        encoder = av.CodecContext.create("libx264", "w")
        assert isinstance(encoder, av.VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.framerate, encoder.options, encoder.thread_count = Fraction(FRAME_RATE), X264, 1
        for frame in self._face.frames():
            if self._over.is_set():
                return
            if self._measures.is_set():
                self.due.append((frame.index, time.perf_counter()))
                self.missing += frame.image is None
            if frame.image is not None:
                encoder.encode(av.VideoFrame.from_ndarray(frame.image[:height, :width], format="rgb24"))


def talk(face: Performer, voice: Floats, over: threading.Event, seed: int) -> None:
    """Bursts of two to six seconds, and rests between."""
    rng = np.random.default_rng(seed)
    while not over.is_set():
        seconds = rng.uniform(2, 6)
        face.push(np.resize(voice, round(seconds * SAMPLE_RATE)))
        face.flush()
        over.wait(seconds + rng.uniform(0.5, 2))


def work(task: Task, begin: Barrier, found: multiprocessing.Queue[Outcome]) -> None:
    """One process."""
    voice = read_sound(task.audio).samples
    over = threading.Event()
    with Engine.load("mini_online") as engine, contextlib.ExitStack() as faces:
        avatar = engine.register(task.image, max_size=task.max_size)
        shown = [faces.enter_context(Performer(engine, avatar)) for _ in range(task.faces)]
        viewers = [Viewer(face) for face in shown]
        talks = [
            threading.Thread(target=talk, args=(face, voice, over, 100 * task.number + n), daemon=True)
            for n, face in enumerate(shown)
        ]
        for thread in talks:
            thread.start()
        begin.wait()
        time.sleep(WARM_SECONDS)
        before = time.process_time()
        for viewer in viewers:
            viewer.measure()
        time.sleep(task.seconds)
        processor = time.process_time() - before
        over.set()
        for viewer in viewers:
            viewer.end()
        late = [gap for viewer in viewers for gap in lateness(viewer.due)]
        found.put(
            Outcome(
                frames=len(late),
                missing=sum(viewer.missing for viewer in viewers),
                late=late,
                processor=processor,
                steps=[face.figures.step for face in shown],
            )
        )


def lateness(handed: list[tuple[int, float]]) -> list[float]:
    """Milliseconds by which frames came later than the promptest of them."""
    behind = [moment - number / FRAME_RATE for number, moment in handed]
    return [1000 * (one - min(behind)) for one in behind]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", default="examples/drawn_woman.jpg")
    parser.add_argument("--audio", default="examples/speech.flac")
    parser.add_argument("--max-size", type=int, default=512)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--faces", type=int, default=1, help="of each process")
    parser.add_argument("--seconds", type=float, default=20)
    parsed = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    begin, found = context.Barrier(parsed.processes), context.Queue()
    tasks = [
        Task(parsed.image, parsed.audio, parsed.max_size, parsed.faces, parsed.seconds, number)
        for number in range(parsed.processes)
    ]
    workers = [context.Process(target=work, args=(task, begin, found)) for task in tasks]
    for worker in workers:
        worker.start()
    outcomes = [found.get() for _ in workers]
    for worker in workers:
        worker.join()
    frames = sum(outcome.frames for outcome in outcomes)
    processor = sum(outcome.processor for outcome in outcomes)
    half, most = np.percentile([late for outcome in outcomes for late in outcome.late], [50, 95])
    faces = parsed.processes * parsed.faces
    print(
        f"{parsed.processes} x {parsed.faces} faces: {frames / parsed.seconds / faces:.1f} frames a second, "
        f"{sum(outcome.missing for outcome in outcomes) / frames:.1%} without a picture, "
        f"handed out p50 {half:.0f} p95 {most:.0f} ms late, {1000 * processor / frames:.1f} ms a frame, "
        f"{processor / parsed.seconds:.2f} cores, steps {[step for o in outcomes for step in o.steps]}"
    )


if __name__ == "__main__":
    main()
