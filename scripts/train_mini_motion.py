"""Fit the lip readout of the mini pack to clips of people talking: checkpoints/mini/motion.npz.

    python scripts/train_mini_motion.py CLIPS [--cache FOLDER] [--features-only online|offline]

CLIPS holds clips.csv, lags.csv, phones.csv (optional) and, for each clip, NAME.npz with landmarks
(`dq` int16 (1434, T): differences over time in 1/8 pixel) and NAME.opus, 16 kHz, 640 samples a
frame. The table of results goes to docs/mini_training.md.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
from scipy.ndimage import gaussian_filter1d, shift

from ditto.mini.language import METRE
from ditto.mini.measure import measure
from ditto.mini.motion import CHANNELS, LIMITS, LISTENING, SPOKEN
from ditto.mini.speech import WhisperStream

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "checkpoints" / "mini"
FOLDS = ROOT / "scripts" / "mini_folds.csv"
REPORT = ROOT / "docs" / "mini_training.md"
PENALTY = 1.0  # of the ridge, for each row
LEVEL = 0.3  # weight of a clip's mean, which tells more of its microphone than of its lips
DELAY = 1  # frames that motion is late against the recordings, whose sound is late by as much
AMPLITUDE = 1.06  # of people's spread that a channel is brought to, if that needs no more than
GAIN = 1.9
CLOSED = 2.0  # millimetres
BILABIAL = ("M", "B", "P")
SPOKEN_RANGE = 1.4  # decades under a clip's loud parts that still count as voice
GAP, WIDTH = 0, 4  # in CHANNELS


@dataclass(frozen=True)
class Clip:
    """One row of clips.csv."""

    name: str
    identity: str
    frames: int
    strict: bool  # sure to be in sync, and 8 s or longer


def read_clips(folder: Path) -> list[Clip]:
    rows = csv.DictReader((folder / "clips.csv").open(encoding="utf-8"))
    return [
        Clip(row["clip"], row["identity"], int(row["frames"]), is_strict(row))
        for row in rows
        if row["kind"] == "av"
    ]


def is_strict(row: dict[str, str]) -> bool:
    if row["sync"] != "ok" or float(row["duration_s"]) < 8:
        return False
    return float(row["lag_corr"]) - float(row["lag_second_peak"] or 0) > 0.1


def read_folds() -> dict[str, int]:
    rows = csv.DictReader(FOLDS.open(encoding="utf-8"))
    return {row["identity"]: int(row["fold"]) for row in rows}


def read_sound(folder: Path, clip: Clip) -> np.ndarray:
    sound = soundfile.read(folder / f"{clip.name}.opus", dtype="float32")[0][: clip.frames * 640]
    return np.pad(sound, (0, clip.frames * 640 - len(sound)))


def read_landmarks(folder: Path, clip: Clip) -> np.ndarray:
    """(T, 478, 3) pixels."""
    with np.load(folder / f"{clip.name}.npz", allow_pickle=False) as stored:
        flat = np.cumsum(stored["dq"].astype(np.int32), axis=1) / 8
    return flat.T.reshape(-1, 478, 3).astype(np.float32)


class Encoder:
    """The speech encoder on one thread."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(PACK / "speech_encoder.onnx", options)

    def run(self, feeds):
        return {"features": self._session.run(["features"], dict(feeds))[0]}


def features(folder: Path, clips: list[Clip], kind: str, cache: Path) -> dict[str, np.ndarray]:
    """Rows of every clip, cut as they are served; computed once and kept in `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    encoder, rows = Encoder(), {}
    for clip in clips:
        kept = cache / f"{kind}_{Path(clip.name).name}.npy"
        if not kept.exists():
            stream = WhisperStream(encoder, **LISTENING[kind])
            sound = read_sound(folder, clip)
            np.save(kept, np.concatenate([stream.push(sound), stream.flush()]).astype(np.float16))
        rows[clip.name] = np.load(kept)
    return rows


def silences(kind: str) -> np.ndarray:
    """Rows of no voice at all, from digital silence to a noisy room."""
    rng, encoder = np.random.default_rng(0), Encoder()
    rows = []
    for level in (0, 1e-4, 1e-3, 5e-3):
        stream = WhisperStream(encoder, **LISTENING[kind])
        sound = (level * rng.standard_normal(200 * 640)).astype(np.float32)
        rows.append(np.concatenate([stream.push(sound), stream.flush()]))
    return np.concatenate(rows)


def voiced(folder: Path, clip: Clip) -> np.ndarray:
    """(T,) 1 where somebody speaks, judged by loudness."""
    power = (read_sound(folder, clip).reshape(-1, 640) ** 2).mean(axis=1)
    level = gaussian_filter1d(0.5 * np.log10(power + 1e-10), 1.0)
    return (level > np.percentile(level, 95) - SPOKEN_RANGE).astype(np.float32)


def targets(folder: Path, clips: list[Clip]) -> dict[str, np.ndarray]:
    """(T, 10) millimetres of each clip: the gap as it is, the rest from the person's own neutral."""
    with (folder / "lags.csv").open(encoding="utf-8") as file:
        lags = {row["clip"]: float(row["lag_frames"]) for row in csv.DictReader(file)}
    lips, neutral, of_person = {}, {}, defaultdict(list)
    for clip in clips:
        steady = gaussian_filter1d(read_landmarks(folder, clip), 0.7, axis=0, mode="nearest")
        shown = measure(steady).expression[:, list(CHANNELS)] / METRE
        shut = shown[:, GAP] <= np.percentile(shown[:, GAP], 30)
        lips[clip.name], neutral[clip.name] = shown, np.median(shown[shut], axis=0)
        of_person[clip.identity].append(clip)
    found = {}
    for clip in clips:
        others = of_person[clip.identity]
        mean = np.average([neutral[o.name] for o in others], 0, weights=[o.frames for o in others])
        own = clip.frames / (clip.frames + 40)
        rest = own * neutral[clip.name] + (1 - own) * mean
        rest[GAP] = 0
        moved = DELAY - lags.get(clip.name, 0.0)
        found[clip.name] = shift(lips[clip.name] - rest, (moved, 0), order=3, mode="nearest")
    return found


class Ridge:
    """Sums over clips, fold by fold, and the readouts that follow from them."""

    def __init__(self, rows, wanted, clips, folds, quiet) -> None:
        some = np.concatenate([rows[clip.name][::4].astype(np.float32) for clip in clips])
        self.mean, self.spread = some.mean(axis=0), some.std(axis=0) + 1e-3
        self.level = np.concatenate([wanted[clip.name] for clip in clips]).mean(axis=0)
        size, outputs = len(self.mean), len(self.level)
        self._gram = np.zeros((6, size, size), np.float32)  # five folds and what all of them share
        self._cross = np.zeros((6, size, outputs), np.float32)
        self._count = np.zeros(6)
        for fold in range(5):
            chosen = [clip.name for clip in clips if folds[clip.identity] == fold]
            x = np.concatenate([centred(self.scaled(rows[name])) for name in chosen])
            self._add(fold, x, np.concatenate([centred(wanted[name] - self.level) for name in chosen]))
        self._add(5, self.scaled(quiet), np.zeros((len(quiet), outputs)) - self.level)

    def scaled(self, rows: np.ndarray) -> np.ndarray:
        return (rows.astype(np.float32) - self.mean) / self.spread

    def _add(self, fold: int, x: np.ndarray, y: np.ndarray) -> None:
        y = y.astype(np.float32)
        self._gram[fold], self._cross[fold], self._count[fold] = x.T @ x, x.T @ y, len(x)

    def solve(self, without: int | None = None) -> np.ndarray:
        """(width, outputs) weights on scaled rows, from all folds but one."""
        kept = [fold for fold in range(6) if fold != without]
        count = self._count[kept].sum()
        gram = self._gram[kept].sum(axis=0)
        gram[np.diag_indices_from(gram)] += PENALTY * count
        return np.linalg.solve(gram, self._cross[kept].sum(axis=0))


def centred(values: np.ndarray) -> np.ndarray:
    return values - (1 - LEVEL) * values.mean(axis=0)


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each column."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0) + 1e-9)


def gains(made, wanted, clips) -> np.ndarray:
    """(10,) factors about the mean that give people's spread back, which regression shrinks."""
    ratio = [made[c.name].std(axis=0) / (wanted[c.name].std(axis=0) + 1e-6) for c in clips if c.strict]
    return np.clip(AMPLITUDE / np.median(ratio, axis=0)[:-1], 1, GAIN)


def closures(folder: Path, gap: dict[str, np.ndarray]) -> tuple[int, float]:
    """How many M, B and P there are, and the share of them with closed lips."""
    lowest = []
    for row in csv.DictReader((folder / "phones.csv").open(encoding="utf-8")):
        track, begin, length = gap.get(row["clip"]), float(row["start_s"]), float(row["duration_s"])
        if track is None or row["phone"].split("(")[0] not in BILABIAL or length > 0.25:
            continue
        first, last = int(np.floor((begin - 0.02) * 25)), int(np.ceil((begin + length + 0.02) * 25))
        if first >= 1 and last < len(track) - 1:
            lowest.append(track[first:last].min())
    return len(lowest), float(np.mean(np.array(lowest) < CLOSED)) if lowest else float("nan")


def judge(folder: Path, made, wanted, clips) -> dict[str, float]:
    """Figures of readouts of unseen people, one vote for each strict clip."""
    strict = [clip.name for clip in clips if clip.strict]
    r = np.array([correlation(made[name], wanted[name]) for name in strict])
    ratio = np.median([made[n].std(axis=0) / (wanted[n].std(axis=0) + 1e-6) for n in strict], axis=0)
    said = np.concatenate([made[name][:, -1] > SPOKEN for name in strict])
    voice = np.concatenate([wanted[name][:, -1] > 0.5 for name in strict])
    count, closed = closures(folder, {name: track[:, GAP] for name, track in made.items()})
    _, of_people = closures(folder, {name: track[:, GAP] for name, track in wanted.items()})
    return {
        "strict clips": len(strict),
        "gap r": r[:, GAP].mean(),
        "width r": r[:, WIDTH].mean(),
        "gap amplitude ratio": ratio[GAP],
        "width amplitude ratio": ratio[WIDTH],
        "M, B, P": count,
        "of them below 2 mm": closed,
        "of them below 2 mm, people": of_people,
        "voice heard as voice": said[voice].mean(),
        "silence heard as silence": (~said[~voice]).mean(),
    }


def fit(folder: Path, clips: list[Clip], kind: str, wanted, cache: Path):
    """The readout from all clips, and how readouts without a fold did on that fold."""
    folds, rows = read_folds(), features(folder, clips, kind, cache)
    ridge = Ridge(rows, wanted, clips, folds, silences(kind))
    made = {}
    for fold in range(5):
        weights = ridge.solve(without=fold)
        for clip in clips:
            if folds[clip.identity] == fold:
                made[clip.name] = ridge.scaled(rows[clip.name]) @ weights + ridge.level
    gain = np.append(gains(made, wanted, clips), 1.0)
    least, most = np.append(np.array(LIMITS, float).T, [[-9], [9]], axis=1)
    made = {n: np.clip(ridge.level + gain * (m - ridge.level), least, most) for n, m in made.items()}
    weights = ridge.solve() * gain / ridge.spread[:, None]
    bias = ridge.level - ridge.mean @ weights
    return weights.astype(np.float32), bias.astype(np.float32), judge(folder, made, wanted, clips)


def write_report(results: dict[str, dict[str, float]], clips: list[Clip]) -> None:
    minutes = sum(clip.frames for clip in clips) / 1500
    lines = [
        "# Training of the mini pack's lips",
        "",
        f"`scripts/train_mini_motion.py`, {len(clips)} clips, {minutes:.1f} minutes, "
        f"{len({clip.identity for clip in clips})} people.",
        "Figures are of five folds by identity (`scripts/mini_folds.csv`) on strict clips, one vote for",
        "each clip; closures on every clip with known phones. Targets are corrected by each clip's own",
        f"lag and then delayed by {DELAY} frame. What is shipped is fitted to all clips.",
        "",
        "| | " + " | ".join(results) + " |",
        "|---|" + "---|" * len(results),
    ]
    for figure in next(iter(results.values())):
        cells = [f"{result[figure]:.3g}" for result in results.values()]
        lines.append(f"| {figure} | " + " | ".join(cells) + " |")
    REPORT.write_text("\n".join([*lines, ""]), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="clips in the format described in this file")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "mini_features")
    parser.add_argument("--features-only", choices=tuple(LISTENING), help="fill the cache and stop")
    args = parser.parse_args()
    clips = read_clips(args.folder)
    if args.features_only:
        features(args.folder, clips, args.features_only, args.cache)
        return
    wanted = targets(args.folder, clips)
    wanted = {clip.name: np.column_stack([wanted[clip.name], voiced(args.folder, clip)]) for clip in clips}
    stored, results = {}, {}
    for kind in LISTENING:
        weights, bias, results[kind] = fit(args.folder, clips, kind, wanted, args.cache)
        stored |= {f"{kind}_weights": weights.astype(np.float16), f"{kind}_bias": bias}
        print(kind, {figure: round(float(value), 3) for figure, value in results[kind].items()}, flush=True)
    np.savez(PACK / "motion.npz", **stored)
    write_report(results, clips)


if __name__ == "__main__":
    main()
