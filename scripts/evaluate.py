"""Judge the mini pack on clips of people talking: its motion, and its pictures.

    python scripts/evaluate.py CLIPS [--folds FOLDER] [--cache FOLDER] [--clips 60] [--json FILE] [--write]

CLIPS is a folder as train_mini_motion.py reads it, with NAME.mp4 beside each clip for the pictures.
--folds is where that script has put the readouts of its folds: each clip is then spoken by the one that
does not know its person. Without it all are spoken by the weights shipped, which know these people.
--write puts the tables into docs/mini_quality.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import train_mini_motion as training
from clip_motion import (
    BLINK,
    ClipMotion,
    Figures,
    Speaker,
    frontal,
    late,
    liveliness,
    loudness,
    mel_ridge,
    read_lags,
    seen,
    smoothed_landmarks,
)
from clip_pictures import Painter, around, likeness, read_pictures
from measure_motion import measure
from train_mini_motion import CLOSED, DELAY, ROOT, Clip, correlation

from cfg.settings import SourceSettings
from ditto import bundled
from ditto.arrays import Floats
from ditto.faces.finder import FaceFinder
from ditto.faces.topology import LOWER_OUTER, OVAL, UPPER_OUTER
from ditto.kernels import level
from ditto.motion.pose import Placement, placement
from ditto.motion.vector import from_vector, to_vector
from ditto.packs.mini.motion.lip_readout import LISTENING
from ditto.packs.mini.source.analyser import MiniAnalyser

REPORT = ROOT / "docs" / "mini_quality.md"
KEPT = "## Odd portraits and sounds"  # from here on the report is not this script's
HEADLINES = {  # of the page's first table: where a figure is found, its name there, and what it is
    ("motion", "gap r"): "gap between the lips: correlation with people's",
    ("motion", "width r"): "width of the lips: correlation",
    ("motion", "gap amplitude"): "gap: amplitude, of people's",
    ("motion", "closed"): "M, B and P with the lips shut",
    ("motion", "still"): "silent frames with the lips shut",
    ("motion", "blinks a minute"): "blinks a minute",
    ("motion", "yaw spread, degrees"): "yaw: spread, degrees",
    ("pictures", "gap r"): "gap as painted and tracked again: correlation",
    ("pictures", "closed"): "M, B and P as painted and tracked again: shut",
}
HEADLINE_COLUMNS = ("online", "offline", "people")
REACH = 6  # frames to either side that the best lag is sought
SHUT = 1.0  # millimetres below which a person's lips are surely closed
STILL = 2.4  # millimetres, 2 % of a face's height, below which a silent mouth is closed
SETTLING = 13  # frames of silence after which it should be
BEFORE = ("gap r", "width r", "gap amplitude", "width amplitude")  # told of the motion that is painted
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


def agreement(made: ClipMotion, true: ClipMotion, moved: float) -> Figures:
    """Of one clip, how far lips are those of the person, moved to be so many frames late."""
    figures = {}
    for name, a, b in (("gap", made.gap, true.gap), ("width", made.width, true.width)):
        wanted = late(b, moved)[: len(a)]
        figures[f"{name} r"] = float(correlation(a, wanted))
        figures[f"{name} amplitude"] = float(a.std() / (wanted.std() + 1e-6))
    return figures


def spoken(made: ClipMotion, true: ClipMotion, lag: float) -> Figures:
    """The same of lips that were made from sound, which is `lag` frames less late than it should be."""
    recorded = agreement(made, true, DELAY)
    as_recorded = {f"{name}, lags as recorded": recorded[name] for name in recorded if name.endswith(" r")}
    return agreement(made, true, DELAY - lag) | as_recorded


def summary(of_clips: list[Figures]) -> Figures:
    """One vote for each clip: means, and medians of what an odd clip could carry away."""
    names = dict.fromkeys(name for figures in of_clips for name in figures)
    found = {name: [figures[name] for figures in of_clips if name in figures] for name in names}
    return {name: float(np.median(of) if "amplitude" in name else np.mean(of)) for name, of in found.items()}


def resting(folder: Path, clips: list[Clip], tracks: dict[str, ClipMotion]) -> Figures:
    """How often lips are together where they should be: at M, B and P, and in silence."""
    count, shut = training.closures(folder, {name: track.gap for name, track in tracks.items()})
    still = [tracks[clip.name].gap < STILL for clip in clips]
    quiet = [silent(training.voiced(folder, clip))[: len(of)] for clip, of in zip(clips, still, strict=True)]
    silence = np.concatenate([of[where] for of, where in zip(still, quiet, strict=True)])
    return {"M, B, P": count, "closed": shut, "silent frames": len(silence), "still": float(silence.mean())}


def aligned(track: ClipMotion, lag: float) -> ClipMotion:
    """A person's, with lips when they would be shown."""
    return dataclasses.replace(track, gap=late(track.gap, DELAY - lag))


def judge_motion(folder: Path, cache: Path, folds: Path | None) -> dict[str, Figures]:
    """Figures for each way of making the gap, over all strict clips."""
    clips = [clip for clip in training.read_clips(folder) if clip.strict]
    lags, people = read_lags(folder), {clip.name: ClipMotion.of(seen(folder, clip)) for clip in clips}

    def lips(tracks: dict[str, ClipMotion]) -> Figures:
        of_clips = [spoken(tracks[c.name], people[c.name], lags.get(c.name, 0.0)) for c in clips]
        curves = [
            best_lag(tracks[c.name].gap, late(people[c.name].gap, DELAY - lags.get(c.name, 0.0)))
            for c in clips
        ]
        best = float(np.argmax(np.mean(curves, axis=0)) - REACH)
        return summary(of_clips) | {"best lag, frames": best} | resting(folder, clips, tracks)

    results = {}
    for kind in LISTENING:
        speaker = Speaker(folder, kind, cache, folds)
        made = {c.name: ClipMotion.of_motion(speaker(c, frontal(), n)) for n, c in enumerate(clips)}
        results[kind] = lips(made) | liveliness(list(made.values()))
    of_people = {name: aligned(track, lags.get(name, 0.0)) for name, track in people.items()}
    results["people"] = resting(folder, clips, of_people) | liveliness(list(people.values()))
    louder = {clip.name: late(loudness(folder, clip), DELAY) for clip in clips}
    for name, gaps in (("mel ridge", mel_ridge(folder)), ("loudness", louder)):
        jaws = {c.name: dataclasses.replace(people[c.name], gap=gaps[c.name]) for c in clips}
        results[name] = {figure: r for figure, r in lips(jaws).items() if figure.startswith("gap r")}
    return results


def chosen(folder: Path, count: int) -> list[Clip]:
    """Strict clips with a large face, one for each person, spread over the list."""
    rows = training.read_rows(folder / "clips.csv")
    size = {row["clip"]: float(row["src_face_px"] or 0) for row in rows}
    first: dict[str, Clip] = {}
    for clip in training.read_clips(folder):
        if clip.strict and size[clip.name] >= LARGE_FACE:
            first.setdefault(clip.identity, clip)
    people = list(first.values())
    return [people[n] for n in np.linspace(0, len(people) - 1, min(count, len(people))).astype(int)]


@dataclass(frozen=True, eq=False)
class Seen:
    """What was painted over one clip's first frame."""

    figures: dict[str, Figures]
    tracks: dict[str, ClipMotion]  # as tracked again; the person's own as "people"


def judge_clip(
    folder: Path, clip: Clip, speakers: dict[str, Speaker], finder: FaceFinder, frames: int, seed: int
) -> Seen:
    pictures = read_pictures(folder / f"{clip.name}.mp4", min(frames, clip.frames))
    true, landmarks = seen(folder, clip), training.read_landmarks(folder, clip)
    shown = ClipMotion.of(true)
    lag = read_lags(folder).get(clip.name, 0.0)
    painter = Painter(MiniAnalyser.of(finder, SourceSettings()).analyse(pictures[0], 0))
    source, count = to_vector(painter.frame.motion), len(pictures)
    results: dict[str, Figures] = defaultdict(dict)
    tracks = {"people": aligned(shown, lag).until(count)}
    alike, still, times = [], [], []

    def followed(drives: Iterator[Placement], name: str) -> ClipMotion:
        points, last, marks = [], painter.frame.appearance.head.points, set()
        for t, drive in zip(range(count), drives, strict=False):
            began = time.process_time()
            image = painter(drive)
            times.append(time.process_time() - began)
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
        tracks[name] = ClipMotion.of(measure(smoothed_landmarks(np.stack(points))))
        return tracks[name]

    made = followed(painter.follow(true), "own motion")
    results["own motion"] |= agreement(made, shown, 0)
    shut = shown.gap[:count] < SHUT
    if shut.any():
        results["own motion"]["painted closed where people's are"] = (made.gap[shut] < CLOSED).mean()
    for name, values in (("own motion", alike), ("first frame repeated", still)):
        of = ("SSIM face", "SSIM mouth", "PSNR face", "PSNR mouth")
        results[name] |= dict(zip(of, np.mean(values, axis=0), strict=True))
    for kind, speaker in speakers.items():
        vectors = speaker(clip, source, seed)
        made = followed((placement(from_vector(vector)) for vector in vectors), kind)
        tracks[f"{kind} before painting"] = ClipMotion.of_motion(vectors[:count])
        told = agreement(tracks[f"{kind} before painting"], shown, DELAY - lag)
        results[kind] |= spoken(made, shown, lag)
        results[kind] |= {f"{name} before painting": told[name] for name in BEFORE}
    moved = late(loudness(folder, clip), DELAY)[:count]
    results["loudness"]["gap r"] = correlation(moved, tracks["people"].gap)
    results["own motion"]["ms of processor a frame"] = 1e3 * float(np.median(times))
    return Seen(results, tracks)


def judge_pictures(
    folder: Path, cache: Path, folds: Path | None, count: int, frames: int, seconds: float
) -> dict[str, Figures]:
    finder = FaceFinder.open(bundled.FOLDER)
    speakers = {kind: Speaker(folder, kind, cache, folds) for kind in LISTENING}
    began, judged = time.monotonic(), {}
    for seed, clip in enumerate(chosen(folder, count)):
        if time.monotonic() - began > seconds:
            break
        judged[clip] = judge_clip(folder, clip, speakers, finder, frames, seed)
        r = {name: of["gap r"] for name, of in judged[clip].figures.items() if "gap r" in of}
        print(clip.name, {name: round(float(value), 3) for name, value in r.items()}, flush=True)
    return together(folder, judged)


def together(folder: Path, judged: dict[Clip, Seen]) -> dict[str, Figures]:
    """Figures of all clips that were painted over."""
    results: dict[str, Figures] = {}
    for name in next(iter(judged.values())).figures:
        of_clips = [of.figures[name] for of in judged.values()]
        results[name] = summary(of_clips)
        if "gap r" in results[name]:
            results[name]["gap r, median clip"] = float(np.median([of["gap r"] for of in of_clips]))

    def tracks(name: str) -> dict[str, ClipMotion]:
        return {clip.name: of.tracks[name] for clip, of in judged.items()}

    for name in ("own motion", *LISTENING, "people"):
        results[name] = results.get(name, {}) | liveliness(list(tracks(name).values()))
        if name != "own motion":  # which is as early as the recording
            results[name] |= resting(folder, list(judged), tracks(name))
    for name in LISTENING:
        told = resting(folder, list(judged), tracks(f"{name} before painting"))
        results[name] |= {f"{figure} before painting": told[figure] for figure in ("closed", "still")}
    results["own motion"]["clips"] = len(judged)
    return results


def table(results: dict[str, Figures]) -> list[str]:
    names = list(dict.fromkeys(figure for figures in results.values() for figure in figures))
    lines = ["| | " + " | ".join(results) + " |", "|---|" + "---|" * len(results)]
    for name in names:
        cells = [f"{of[name]:.3g}" if name in of else "" for of in results.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def headlines(results: dict[str, dict[str, Figures]]) -> list[str]:
    """The page's first table, with the day, the commit and the processor of the figures."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    lines = [
        f"| {date.today()}, {commit}, {level()} | " + " | ".join(HEADLINE_COLUMNS) + " |",
        "|---|" + "---|" * len(HEADLINE_COLUMNS),
    ]
    for (part, name), said in HEADLINES.items():
        if part in results:
            of = [results[part][column].get(name) for column in HEADLINE_COLUMNS]
            cells = ["" if figure is None else f"{figure:.3g}" for figure in of]
            lines.append(f"| {said} | " + " | ".join(cells) + " |")
    return lines


UNKNOWN = (
    "**Lips are of people the readout does not know**: each clip is spoken by that of five folds by",
    "identity which was fitted, and calibrated, without the person. The weights shipped are fitted to all.",
)
KNOWN = (
    "**The weights shipped were fitted to these clips too**: lips here are of people the readout knows.",
    "`--folds` judges each with a readout that does not know the person.",
)


def write_report(results: dict[str, dict[str, Figures]], frames: int, folds: bool) -> None:
    trained = (ROOT / "docs" / "mini_training.md").read_text(encoding="utf-8").splitlines()
    lines = [
        "# How good the mini pack is",
        "",
        *headlines(results),
        "",
        "Portraits, animals, hidden mouths, and sounds that are no speech:",
        "[the last tables](#odd-portraits-and-sounds). What remains wrong, and how it became less:",
        "[the log](log/mini_quality.md).",
        "",
        "## How it is measured",
        "",
        f"`python scripts/evaluate.py CLIPS {'--folds FOLDER ' if folds else ''}--write`, on one core of a "
        "cloud machine without a GPU.",
        "The clips are recordings of people that we may not pass on; `scripts/train_mini_motion.py` says",
        "what a folder of them looks like, and makes the readouts of the folds. Any such folder will do.",
        "",
        *(UNKNOWN if folds else KNOWN),
        "",
        "## Motion",
        "",
        "All strict clips (sure to be in sync, 8 s or longer), heard as the pack hears them, online and",
        "offline. The truth is measured on landmarks of the recording, corrected by the clip's own lag and",
        f"delayed by {DELAY} frame; *lags as recorded* leaves the clip's own in.",
        "Silence counts from half a second after it begins; *still* is a gap under 2 % of the face's",
        f"height. Blinks count from {BLINK:.0%} closed. Speed is the root mean square of the change;",
        "people's own jitter and one-frame speed hold the noise of their landmarks. *loudness* is a jaw",
        "driven by the logarithm of the sound's power, *mel ridge* the gap by a ridge regression on 80 bands",
        "of a log-mel over eleven frames, for people it does not know (five folds).",
        "",
        *table(results["motion"]),
        "",
        "## Lips as read",
        "",
        "What the readouts of the five folds read, before a silent mouth is closed, from",
        "[mini_training.md](mini_training.md):",
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
            "*offline*: driven by the sound, with another seed for each clip; *before painting* is told of",
            "the motion handed to the painter. Closed, still, blinks and the head are as the tracker sees",
            "them, of *people* too. SSIM and PSNR are against the true frames, in the face's box and in one",
            "around the mouth. Figures are means of clips, amplitudes medians. Fewer M, B, P and silent",
            "frames fall into these pictures than into the motion, above. Two in three of the blinks",
            "that are painted are seen as such, with *own motion* too: eyes half shut to begin with have",
            "less to close.",
            "",
            *table(results["pictures"]),
            "",
        ]
    before = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    _, heading, kept = before.partition(KEPT)  # measured by other means
    REPORT.write_text("\n".join([*lines, ""]) + heading + kept, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="clips as train_mini_motion.py reads them")
    parser.add_argument("--folds", type=Path, help="readouts of folds, as train_mini_motion.py writes them")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "mini_features")
    parser.add_argument("--clips", type=int, default=60, help="clips to paint; 0 judges the motion only")
    parser.add_argument("--frames", type=int, default=150, help="frames of each to paint")
    parser.add_argument("--seconds", type=float, default=1800, help="no clip is begun after so long")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--write", action="store_true", help="write docs/mini_quality.md")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    results = {"motion": judge_motion(args.folder, args.cache, args.folds)}
    print("\n".join(table(results["motion"])), flush=True)
    if args.clips:
        results["pictures"] = judge_pictures(
            args.folder, args.cache, args.folds, args.clips, args.frames, args.seconds
        )
        print("\n".join(table(results["pictures"])))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1, default=float), encoding="utf-8")
    if args.write:
        write_report(results, args.frames, args.folds is not None)


if __name__ == "__main__":
    main()
