"""Speed and memory of a whole offline render with the built-in pack.

Makes its own portraits from examples/ (one face scaled into a canvas) and 30 seconds of speech, then prints

- painting: milliseconds of one thread for a frame (warp, decode, putback), lips alone and with the head;
- start: seconds from the start of a program to its first frame, with nothing kept of earlier runs, and again;
- render: the whole command with its encoder, times real time, seconds of processor, and its memory.

python -m benchmarks.render [painting] [start] [render]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
PORTRAIT = EXAMPLES / "grace_hopper.jpg"
CASES = ((512, 1280, 720), (768, 1920, 1080))  # pixels: face, width, height
FACES = (150, 300, 512)  # pixels, painted into 1280 x 720
SECONDS = 30
POSES = 60  # of the painting figures
PAINTED = 20  # frames after which everything has been painted once
PARTS = ("painting", "start", "render")


def canvas(path: Path, face: int, width: int, height: int) -> Path:
    """The portrait scaled until its face has `face` pixels, cut or continued to the size asked for."""
    import cv2
    import numpy as np

    from ditto import bundled
    from ditto.faces.finder import FaceFinder
    from ditto.media.picture import read_picture

    picture = read_picture(PORTRAIT)
    found = FaceFinder.open(bundled.FOLDER).find(picture)[0]
    scale = face / found.size
    middle = (found.box[:2] + found.box[2:]) / 2
    matrix = np.array([[scale, 0, width / 2 - scale * middle[0]], [0, scale, height / 2 - scale * middle[1]]])
    drawn = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    cv2.imwrite(str(path), drawn[..., ::-1])
    return path


def speech(path: Path, seconds: int) -> Path:
    """The bundled speech, again and again."""
    import numpy as np
    import soundfile

    samples, rate = soundfile.read(EXAMPLES / "speech.flac")
    soundfile.write(path, np.resize(samples, seconds * rate), rate)
    return path


def painting(work: Path) -> dict[str, Any]:
    """Milliseconds of one thread a frame, by size of face."""
    import cv2
    import numpy as np

    from ditto.motion.pose import placement
    from ditto.packs.mini.motion.expression_numbers import METRE, Exp
    from ditto.stages.messages import Pose
    from stream_pipeline.engine import Engine

    cv2.setNumThreads(1)
    found = {}
    still = np.zeros((1, 21, 3), np.float32)
    with Engine.load("mini") as engine:
        for face in FACES:
            source = engine.register(canvas(work / f"{face}.png", face, 1280, 720)).first
            rest = placement(source.motion)

            def posed(number: int, head: bool, source: Any = source, rest: Any = rest) -> Pose[Any]:
                expression = rest.expression.reshape(63).copy()
                beat = np.sin(number / 5)
                expression[Exp.GAP] = (6 + 6 * beat) * METRE
                expression[Exp.JAW] += 5 * beat * METRE
                drive = dataclasses.replace(rest, expression=expression.reshape(21, 3))
                if head:
                    expression[[Exp.BLINK_LEFT, Exp.BLINK_RIGHT]] += (number % 7) * METRE
                    drive = dataclasses.replace(
                        drive,
                        yaw=rest.yaw + 5 * np.sin(number / 9),
                        pitch=rest.pitch + 3 * np.cos(number / 8),
                    )
                return Pose(0, number, source, still, still, rest, drive)

            for name, head in (("lips", False), ("head", True)):
                paint = painter(engine)
                paint(posed(POSES, head))  # what is made once
                took = []
                for number in range(POSES):
                    pose = posed(number, head)
                    began = time.thread_time()
                    paint(pose)
                    took.append(time.thread_time() - began)
                found[f"{face}_{name}_ms"] = round(1000 * float(np.mean(took)), 2)
    return found


def painter(engine: Any) -> Any:
    warper, decoder = engine.pack.warper(), engine.pack.decoder()
    compositor = engine.pack.compositor(engine.settings)
    return lambda pose: compositor(pose, decoder(pose, warper(pose)))


def kept(work: Path) -> dict[str, str]:
    """The environment of a user's Python: byte code is kept, wherever this one was told not to."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**env, "PYTHONPYCACHEPREFIX": str(work / "bytecode")}


def begin(picture: Path, sound: Path, began: float) -> dict[str, Any]:
    """In a process of its own: seconds passed, and of processor, until each first step is done."""
    from stream_pipeline.engine import Engine, read

    at: dict[str, tuple[float, float]] = {}

    def note(name: str) -> None:
        at.setdefault(name, (round(time.time() - began, 2), round(time.process_time(), 2)))

    note("imported")
    with Engine.load("mini") as engine:
        note("loaded")
        avatar = engine.register(picture)
        note("registered")
        voice = read(sound, engine.settings)

        def count(done: int, total: int) -> None:
            note("first frame")
            if done == PAINTED:
                note(f"frame {PAINTED}")

        engine.render(avatar, voice, picture.with_suffix(".mp4"), progress=count)
        again = time.perf_counter(), time.process_time()
        engine.register(picture)
        at["registration, warm"] = (
            round(time.perf_counter() - again[0], 2),
            round(time.process_time() - again[1], 2),
        )
    return dict(at)


def start(work: Path) -> dict[str, Any]:
    """Seconds to the first frame, the first time and again; in brackets those of processor."""
    face, width, height = CASES[0]
    picture = canvas(work / "start.png", face, width, height)
    sound = speech(work / "short.wav", 5)
    env = kept(work)
    command = [sys.executable, "-m", "benchmarks.render", "--begin", str(picture), str(sound)]
    found = {}
    for name in ("first run", "second run", "third run"):
        done = subprocess.run(
            [*command, repr(time.time())], env=env, cwd=ROOT, check=True, capture_output=True, text=True
        )
        found[name] = "; ".join(
            f"{at} {wall} ({busy})" for at, (wall, busy) in json.loads(done.stdout).items()
        )
    return found


def render(work: Path, runs: int) -> dict[str, Any]:
    """The whole command, by size of picture: the best of several runs, and all of them."""
    sound = speech(work / "speech.wav", SECONDS)
    found = {}
    for face, width, height in CASES:
        picture = canvas(work / f"{width}.png", face, width, height)
        output = work / f"{width}.mp4"
        command = ["inference.py", "-i", str(picture), "-a", str(sound), "-o", str(output), "--quiet"]
        paces, memory, busy = [], [], []
        for _ in range(runs):
            began = time.perf_counter()
            child = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=kept(work))
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                raise SystemExit(f"inference.py ended with {child.returncode}")
            paces.append(round(SECONDS / (time.perf_counter() - began), 2))
            memory.append(used.ru_maxrss // 1024)
            busy.append(round(used.ru_utime + used.ru_stime, 1))
        found[f"{width}x{height}"] = {
            "times_real_time": max(paces),
            "runs": paces,
            "processor_s": min(busy),
            "memory_mb": max(memory),
            "file_kb": output.stat().st_size // 1000,
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="which figures (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="of each render")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--begin", nargs=3, metavar=("PICTURE", "SOUND", "BEGAN"), help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.begin:
        picture, sound, began = parsed.begin
        print(json.dumps(begin(Path(picture), Path(sound), float(began))))
        return
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for part in parsed.parts or PARTS:
            work = Path(folder) / part
            work.mkdir()
            made = {"painting": painting, "start": start}.get(part)
            found[part] = made(work) if made else render(work, parsed.runs)
            print(f"{part}:")
            for name, value in found[part].items():
                print(f"  {name:<14} {value}")
    if parsed.json:
        Path(parsed.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
