"""Judge the mini pack on clips of people talking: its motion, and its pictures.

    python scripts/evaluate.py CLIPS [--cache FOLDER] [--clips 16] [--json FILE] [--write]

CLIPS is a folder as train_mini_motion.py reads it, with NAME.mp4 beside each clip for the pictures.
--write puts the tables into docs/mini_quality.md.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import train_mini_motion as training
from clip_motion import (
    BLINK,
    Figures,
    Speaker,
    Track,
    frontal,
    late,
    liveliness,
    loudness,
    mel_ridge,
    read_lags,
    seen,
    steadied,
)
from train_mini_motion import CLOSED, DELAY, ROOT, Clip, correlation

from cfg.settings import SourceSettings
from ditto.avatar import SourceFrame
from ditto.faces.finder import FaceFinder
from ditto.messages import Floats, Image, Placement, Pose
from ditto.mini import files
from ditto.mini.decode import MiniDecoder
from ditto.mini.landmarks import NotingAnalyser
from ditto.mini.language import METRE, Exp
from ditto.mini.measure import Measured, measure
from ditto.mini.motion import LISTENING
from ditto.mini.putback import MiniCompositor
from ditto.mini.template import LOWER_OUTER, OVAL, UPPER_OUTER
from ditto.mini.warp import MiniWarper
from ditto.motion.pose import placement, rotation
from ditto.motion.vector import from_vector, to_vector

REPORT = ROOT / "docs" / "mini_quality.md"
KEPT = "## Odd portraits and sounds"  # from here on the report is not this script's
REACH = 6  # frames to either side that the best lag is sought
SHUT = 1.0  # millimetres below which a person's lips are surely closed
STILL = 2.4  # millimetres, 2 % of a face's height, below which a silent mouth is closed
SETTLING = 13  # frames of silence after which it should be
LARGE_FACE = 200  # pixels of the face in the recording


def best_lag(made: Floats, truth: Floats) -> Floats:
    """(2 REACH + 1,) correlations with the truth moved from REACH frames early to REACH late."""
    inner = made[REACH:-REACH]
    return np.array([correlation(inner, np.roll(truth, n)[REACH:-REACH]) for n in range(-REACH, REACH + 1)])


def silent(voiced: Floats) -> Floats:
    """(T,) whether silence has lasted long enough for the lips to have closed."""
    quiet = np.zeros(len(voiced), bool)
    run = 0
    for frame, voice in enumerate(voiced):
        run = 0 if voice else run + 1
        quiet[frame] = run > SETTLING
    return quiet


def judge_motion(folder: Path, cache: Path) -> dict[str, Figures]:
    """Figures for each way of making the gap, over all strict clips."""
    clips = [clip for clip in training.read_clips(folder) if clip.strict]
    lags, people = read_lags(folder), {clip.name: Track.of(seen(folder, clip)) for clip in clips}
    quiet = {clip.name: silent(training.voiced(folder, clip)) for clip in clips}

    def lips(tracks: dict[str, Track]) -> Figures:
        found = defaultdict(list)
        for clip in clips:
            made, true, lag = tracks[clip.name], people[clip.name], lags.get(clip.name, 0.0)
            for name, a, b in (("gap", made.gap, true.gap), ("width", made.width, true.width)):
                found[f"{name} r"].append(correlation(a, late(b, DELAY - lag)))
                found[f"{name} r, lags as recorded"].append(correlation(a, late(b, DELAY)))
                found[f"{name} amplitude"].append(a.std() / (b.std() + 1e-6))
            found["curve"].append(best_lag(made.gap, late(true.gap, DELAY - lag)))
        curve = np.mean(found.pop("curve"), axis=0)
        figures = {
            name: float(np.median(of) if "amplitude" in name else np.mean(of)) for name, of in found.items()
        }
        return figures | {"best lag, frames": float(np.argmax(curve) - REACH)} | resting(tracks)

    def resting(tracks: dict[str, Track]) -> Figures:
        count, shut = training.closures(folder, {name: track.gap for name, track in tracks.items()})
        still = np.concatenate([track.gap[quiet[name]] < STILL for name, track in tracks.items()])
        return {"M, B, P": count, "closed": shut, "silent frames": len(still), "still": still.mean()}

    results = {}
    for kind in LISTENING:
        speaker = Speaker(folder, kind, cache)
        made = {c.name: Track.of_motion(speaker(c, frontal(), n)) for n, c in enumerate(clips)}
        results[kind] = lips(made) | liveliness(list(made.values()))
    of_people = {
        name: dataclasses.replace(track, gap=late(track.gap, DELAY - lags.get(name, 0.0)))
        for name, track in people.items()
    }
    results["people"] = resting(of_people) | liveliness(list(people.values()))
    louder = {clip.name: late(loudness(folder, clip), DELAY) for clip in clips}
    for name, gaps in (("mel ridge", mel_ridge(folder)), ("loudness", louder)):
        jaws = {c.name: dataclasses.replace(people[c.name], gap=gaps[c.name]) for c in clips}
        results[name] = {figure: r for figure, r in lips(jaws).items() if figure.startswith("gap r")}
    return results


class Painter:
    """Frames of one registered portrait."""

    def __init__(self, frame: SourceFrame) -> None:
        self.frame = frame
        self.rest = placement(frame.motion)
        self._parts = MiniWarper(), MiniDecoder(), MiniCompositor()

    def __call__(self, drive: Placement) -> Image:
        warp, paint, put_back = self._parts
        unused = np.zeros((1, 21, 3), np.float32)
        pose = Pose(0, 0, self.frame, unused, unused, self.rest, drive)
        return put_back(pose, paint(pose, warp(pose)))

    def follow(self, true: Measured) -> Iterator[Placement]:
        """The person's own motion, counted from the first frame but for the gap, which is absolute."""
        look, rest = self.frame.appearance, self.rest
        angles = [getattr(rest, a) + getattr(true, a) - getattr(true, a)[0] for a in ("pitch", "yaw", "roll")]
        before = rotation(*(angle[:1] for angle in angles))[0]
        growth = true.scale / true.scale[0]
        arm = true.translation[0] - look.pivot
        for t, after in enumerate(rotation(*angles)):
            turned = arm @ (after.T @ before * growth[t]).T + look.pivot
            moved = (true.translation[t] - turned) / look.millimetre * METRE
            moved[2] = 0
            expression = rest.expression.reshape(63) + true.expression[t] - true.expression[0]
            expression[Exp.GAP] = true.expression[t][Exp.GAP]
            yield Placement(
                *(float(angle[t]) for angle in angles),
                scale=rest.scale * float(growth[t]),
                translation=rest.translation + moved,
                expression=expression.reshape(21, 3),
            )


def read_pictures(path: Path, count: int) -> list[Image]:
    video, pictures = cv2.VideoCapture(str(path)), []
    while len(pictures) < count:
        there, picture = video.read()
        if not there:
            break
        pictures.append(np.ascontiguousarray(picture[..., ::-1]))
    return pictures


def likeness(a: Image, b: Image, boxes: tuple[tuple[slice, slice], ...]) -> list[float]:
    """Structural similarity, then peak signal to noise in decibels, of each box."""
    x, y = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64) for image in (a, b))

    def blur(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (11, 11), 1.5)

    mx, my = blur(x), blur(y)
    vx, vy, both = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similar = (2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    error = (a.astype(np.float64) - b) ** 2
    noise = [10 * np.log10(255**2 / max(error[box].mean(), 1e-3)) for box in boxes]
    return [float(similar[box].mean()) for box in boxes] + noise


def around(points: Floats, grown: float, size: int) -> tuple[slice, slice]:
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    margin = grown * (high - low)
    (x0, y0), (x1, y1) = (np.clip(p, 0, size).astype(int) for p in (low - margin, high + margin))
    return slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1))


def chosen(folder: Path, count: int) -> list[Clip]:
    """Strict clips with a large face, one for each person, spread over the list."""
    with (folder / "clips.csv").open(encoding="utf-8") as file:
        size = {row["clip"]: float(row["src_face_px"] or 0) for row in csv.DictReader(file)}
    first: dict[str, Clip] = {}
    for clip in training.read_clips(folder):
        if clip.strict and size[clip.name] >= LARGE_FACE:
            first.setdefault(clip.identity, clip)
    people = list(first.values())
    return [people[n] for n in np.linspace(0, len(people) - 1, min(count, len(people))).astype(int)]


def judge_clip(folder: Path, clip: Clip, speakers: dict[str, Speaker], finder: FaceFinder, frames: int):
    """Figures of the pictures painted over a clip's first frame."""
    pictures = read_pictures(folder / f"{clip.name}.mp4", min(frames, clip.frames))
    true, landmarks = seen(folder, clip), training.read_landmarks(folder, clip)
    shown = Track.of(true)
    lag = read_lags(folder).get(clip.name, 0.0)
    painter = Painter(NotingAnalyser(finder, SourceSettings()).analyse(pictures[0], 0))
    source, count = to_vector(painter.frame.motion, without=("kp",)), len(pictures)
    results: dict[str, Figures] = defaultdict(dict)
    alike, still, times = [], [], []

    def followed(drives: Iterator[Placement], name: str) -> Track:
        points, last, marks = [], painter.frame.appearance.points, set()
        for t, drive in zip(range(count), drives, strict=False):
            began = time.perf_counter()
            image = painter(drive)
            times.append(time.perf_counter() - began)
            marks.add(zlib.crc32(image.tobytes()))
            found = finder.track(image, last)
            last = found.landmarks if found else last
            points.append(last)
            if name == "own motion":
                lips = landmarks[t, [*UPPER_OUTER, *LOWER_OUTER]]
                boxes = around(landmarks[t, list(OVAL)], 0, 256), around(lips, 0.3, 256)
                alike.append(likeness(image, pictures[t], boxes))
                still.append(likeness(pictures[0], pictures[t], boxes))
        results[name]["distinct frames"] = len(marks) / count
        return Track.of(measure(steadied(np.stack(points))))

    made = followed(painter.follow(true), "own motion")
    results["own motion"] |= {
        "gap r": correlation(made.gap, shown.gap[:count]),
        "width r": correlation(made.width, shown.width[:count]),
        "gap amplitude": made.gap.std() / shown.gap[:count].std(),
    }
    shut = shown.gap[:count] < SHUT
    if shut.any():
        results["own motion"]["painted closed where people's are"] = (made.gap[shut] < CLOSED).mean()
    for name, values in (("own motion", alike), ("first frame repeated", still)):
        of = ("SSIM face", "SSIM mouth", "PSNR face", "PSNR mouth")
        results[name] |= dict(zip(of, np.mean(values, axis=0), strict=True))
    gap, width = (late(track, DELAY - lag)[:count] for track in (shown.gap, shown.width))
    for kind, speaker in speakers.items():
        vectors = speaker(clip, source, 0)
        told = Track.of_motion(vectors[:count])
        made = followed((placement(from_vector(vector)) for vector in vectors), kind)
        results[kind] |= {
            "gap r": correlation(made.gap, gap),
            "gap r before painting": correlation(told.gap, gap),
            "width r": correlation(made.width, width),
            "gap amplitude": made.gap.std() / gap.std(),
            "gap amplitude before painting": told.gap.std() / gap.std(),
        }
    results["loudness"]["gap r"] = correlation(late(loudness(folder, clip), DELAY)[:count], gap)
    results["own motion"]["ms a frame"] = 1e3 * float(np.median(times))
    return results


def judge_pictures(folder: Path, cache: Path, count: int, frames: int, seconds: float) -> dict[str, Figures]:
    finder, speakers = (
        FaceFinder.open(files.FOLDER),
        {kind: Speaker(folder, kind, cache) for kind in LISTENING},
    )
    began, gathered = time.monotonic(), defaultdict(lambda: defaultdict(list))
    for clip in chosen(folder, count):
        if time.monotonic() - began > seconds:
            break
        for name, figures in judge_clip(folder, clip, speakers, finder, frames).items():
            for figure, value in figures.items():
                gathered[name][figure].append(float(value))
        print(
            clip.name, {n: round(f["gap r"][-1], 3) for n, f in gathered.items() if "gap r" in f}, flush=True
        )
    averaged = {
        name: {f: float(np.median(v) if "amplitude" in f else np.mean(v)) for f, v in of.items()}
        for name, of in gathered.items()
    }
    for of in averaged:
        if "gap r" in averaged[of]:
            averaged[of]["gap r, median clip"] = float(np.median(gathered[of]["gap r"]))
    averaged["own motion"]["clips"] = len(gathered["own motion"]["gap r"])
    return averaged


def table(results: dict[str, Figures]) -> list[str]:
    names = list(dict.fromkeys(figure for figures in results.values() for figure in figures))
    lines = ["| | " + " | ".join(results) + " |", "|---|" + "---|" * len(results)]
    for name in names:
        cells = [f"{of[name]:.3g}" if name in of else "" for of in results.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def write_report(results: dict[str, dict[str, Figures]], frames: int) -> None:
    trained = (ROOT / "docs" / "mini_training.md").read_text(encoding="utf-8").splitlines()
    lines = [
        "# How good the mini pack is",
        "",
        "`python scripts/evaluate.py CLIPS --write`, on one core of a cloud machine without a GPU.",
        "The clips are recordings of people that we may not pass on; `scripts/train_mini_motion.py` says",
        "what a folder of them looks like. Any such folder will do.",
        "",
        "## Motion",
        "",
        "All strict clips (sure to be in sync, 8 s or longer), heard as the pack hears them, online and",
        "offline. The truth is measured on landmarks of the recording, corrected by the clip's own lag and",
        f"delayed by {DELAY} frame. **The weights shipped were fitted to these clips too**: lips here are of",
        "people the readout knows. What it does for people it does not know is in the next table.",
        "Silence counts from half a second after it begins; *still* is a gap under 2 % of the face's",
        f"height. Blinks count from {BLINK:.0%} closed. Speed is the root mean square of the change;",
        "people's own jitter and one-frame speed hold the noise of their landmarks. *loudness* is a jaw",
        "driven by the logarithm of the sound's power, *mel ridge* the gap by a ridge regression on 80 bands",
        "of a log-mel over eleven frames, for people it does not know (five folds).",
        "",
        *table(results["motion"]),
        "",
        "## Lips of people not trained on",
        "",
        "Five folds by identity, from [mini_training.md](mini_training.md):",
        "",
        *[line for line in trained if line.startswith("|")],
        "",
    ]
    if "pictures" in results:
        lines += [
            "## Pictures",
            "",
            f"{results['pictures']['own motion']['clips']} strict clips with a large face, each of another",
            f"person, the first {frames} frames of each. The clip's first frame is the portrait, whatever it",
            "shows, an open mouth or a hand at the chin; what is painted is tracked again and smoothed as",
            "the recordings' landmarks are: their noise would otherwise pass for amplitude. *own motion*:",
            "driven by the person's own landmarks, the most that painting lets through; *painted closed*",
            f"counts gaps under {CLOSED:.0f} mm where the person's is under {SHUT:.0f}. *online* and",
            "*offline*: driven by the sound. SSIM and PSNR are against the true frames, in the face's box",
            "and in one around the mouth. Figures are means of",
            "clips, amplitudes medians; these people too were trained on.",
            "",
            *table(results["pictures"]),
            "",
        ]
    before = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    _, heading, kept = before.partition(KEPT)  # measured by other means
    REPORT.write_text("\n".join(lines) + heading + kept, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="clips as train_mini_motion.py reads them")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "mini_features")
    parser.add_argument("--clips", type=int, default=16, help="clips to paint; 0 judges the motion only")
    parser.add_argument("--frames", type=int, default=150, help="frames of each to paint")
    parser.add_argument("--seconds", type=float, default=600, help="no clip is begun after so long")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--write", action="store_true", help="write docs/mini_quality.md")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    results = {"motion": judge_motion(args.folder, args.cache)}
    print("\n".join(table(results["motion"])), flush=True)
    if args.clips:
        results["pictures"] = judge_pictures(args.folder, args.cache, args.clips, args.frames, args.seconds)
        print("\n".join(table(results["pictures"])))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1, default=float), encoding="utf-8")
    if args.write:
        write_report(results, args.frames)


if __name__ == "__main__":
    main()
