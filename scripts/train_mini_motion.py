"""Fit the lip readout of the mini pack to clips of people talking: checkpoints/mini/motion.npz.

    python scripts/train_mini_motion.py CLIPS [--cache FOLDER] [--features-only online|offline]
                                              [--folds FOLDER] [--folds-only]

CLIPS holds clips.csv, lags.csv, phones.csv and, for each clip, NAME.npz with landmarks
(`dq` int16 (1434, T): differences over time in 1/8 pixel) and NAME.opus, 16 kHz, 640 samples a
frame. The table of results goes to docs/mini_training.md, and to the folder of --folds what the
figures are of: motion_fold0.npz and so on, each a readout that knows nobody of that fold.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import mini_reader
import numpy as np
import soundfile
import torch
from measure_motion import measure
from mini_reader import Example
from scipy.ndimage import gaussian_filter1d, shift

from ditto.packs.mini.motion.expression_numbers import METRE
from ditto.packs.mini.motion.lip_readout import CHANNEL_LIMITS, CHANNELS, LISTENING, MIN_SPEECH, READER, met
from ditto.packs.mini.speech.encoder import ROWS_PER_FRAME, TAPS, WhisperStream, neighbours
from ditto.packs.mini.speech.encoder import WIDTH as HEARD
from model_formats import open_model

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "checkpoints" / "mini"
FOLDS = ROOT / "scripts" / "mini_folds.csv"
REPORT = ROOT / "docs" / "mini_training.md"
PENALTY = 1.0  # of the ridge, for each row
LEVEL = 0.3  # weight of a clip's mean, which tells more of its microphone than of its lips
DELAY = 1  # frames that motion is late against the recordings, whose sound is late by as much
SEEDS = (0, 1)  # of the networks
SHARE = 0.6  # of the networks in what is read; the rest is the ridge's,
LIFT = 1.4  # after its spread, which regression shrinks, is brought near to theirs
AMPLITUDE = 1.0  # of people's spread that a channel is brought to, if that needs no more than
GAIN = 1.9
THRESHOLDS = np.arange(0.40, -0.01, -0.02)  # of the readout of M, B and P from which on lips close,
WELL_CLOSED = 0.90  # so that this share of them is seen closed
STEADY = 0.7  # frames over which landmarks are averaged against their noise
BLURRED = 20  # milliseconds to which the times of phones are good
OPEN = 5.0  # millimetres
CLOSED = 2.0  # millimetres
BILABIAL = ("M", "B", "P")
MAX_BILABIAL_SECONDS = 0.25  # seconds of one of them; longer ones are misheard
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
    rows = read_rows(folder / "clips.csv")
    return [
        Clip(row["clip"], row["identity"], int(row["frames"]), is_strict(row))
        for row in rows
        if row["kind"] == "av"
    ]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_strict(row: dict[str, str]) -> bool:
    if row["sync"] != "ok" or float(row["duration_s"]) < 8:
        return False
    return float(row["lag_corr"]) - float(row["lag_second_peak"] or 0) > 0.1


def read_folds() -> dict[str, int]:
    return {row["identity"]: int(row["fold"]) for row in read_rows(FOLDS)}


def fold_file(folder: Path, fold: int) -> Path:
    """Where the readout that knows nobody of the fold is kept."""
    return folder / f"motion_fold{fold}.npz"


def read_sound(folder: Path, clip: Clip) -> np.ndarray:
    sound = soundfile.read(folder / f"{clip.name}.opus", dtype="float32")[0][: clip.frames * 640]
    return np.pad(sound, (0, clip.frames * 640 - len(sound)))


def read_landmarks(folder: Path, clip: Clip) -> np.ndarray:
    """(T, 478, 3) pixels."""
    with np.load(folder / f"{clip.name}.npz", allow_pickle=False) as stored:
        flat = np.cumsum(stored["dq"].astype(np.int32), axis=1) / 8
    return flat.T.reshape(-1, 478, 3).astype(np.float32)


class Encoder:
    """The speech encoder on one thread, and all that it has said."""

    def __init__(self) -> None:
        self._network = open_model(PACK / "speech_encoder.onnx", threads=1)
        self.said: list[np.ndarray] = []

    def run(self, feeds):
        features = self._network.run(feeds)["features"]
        self.said.append(features[0].reshape(-1, ROWS_PER_FRAME, HEARD).mean(axis=1).astype(np.float16))
        return {"features": features}


def windows(sound: np.ndarray, kind: str) -> np.ndarray:
    """(n, frames, 768) of every window that is encoded, as it is served."""
    encoder = Encoder()
    stream = WhisperStream(encoder, **LISTENING[kind])
    stream.push(sound)
    stream.flush()
    return np.stack(encoder.said)


def places(kind: str, frames: int) -> np.ndarray:
    """(frames, taps) where in the windows, laid end to end, each row finds its neighbours."""
    first, end, near = neighbours(**LISTENING[kind])
    number = np.arange(-(-frames // len(near)))
    return (number[:, None, None] * (end - first) + near).reshape(-1, len(TAPS))[:frames]


def read_windows(folder: Path, clips: list[Clip], kind: str, cache: Path) -> dict[str, np.ndarray]:
    """(m, 768) of every clip, its windows laid end to end; computed once and kept in `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    found = {}
    for clip in clips:
        kept = cache / f"{kind}_{Path(clip.name).name}.npy"
        if not kept.exists():
            np.save(kept, windows(read_sound(folder, clip), kind))
        found[clip.name] = np.load(kept).reshape(-1, HEARD)
    return found


def features(folder: Path, clips: list[Clip], kind: str, cache: Path) -> dict[str, np.ndarray]:
    """Rows of every clip, cut as they are served."""
    kept = read_windows(folder, clips, kind, cache)
    return {c.name: kept[c.name][places(kind, c.frames)].reshape(c.frames, -1) for c in clips}


def silences(kind: str) -> list[np.ndarray]:
    """Windows of no voice at all, from digital silence to a noisy room, each of 200 frames."""
    rng = np.random.default_rng(0)
    levels = (0, 1e-4, 1e-3, 5e-3)
    sounds = [(level * rng.standard_normal(200 * 640)).astype(np.float32) for level in levels]
    return [windows(sound, kind).reshape(-1, HEARD) for sound in sounds]


def voiced(folder: Path, clip: Clip) -> np.ndarray:
    """(T,) 1 where somebody speaks, judged by loudness."""
    power = (read_sound(folder, clip).reshape(-1, 640) ** 2).mean(axis=1)
    level = gaussian_filter1d(0.5 * np.log10(power + 1e-10), 1.0)
    return (level > np.percentile(level, 95) - SPOKEN_RANGE).astype(np.float32)


def smoothed(track: np.ndarray) -> np.ndarray:
    """Of frames, as a person's are seen: with less of the noise of landmarks, and of the shortest moments."""
    return gaussian_filter1d(track, STEADY, axis=0, mode="nearest")


def targets(folder: Path, clips: list[Clip]) -> dict[str, np.ndarray]:
    """(T, 10) millimetres of each clip: the gap as it is, the rest from the person's own neutral."""
    lags = {row["clip"]: float(row["lag_frames"]) for row in read_rows(folder / "lags.csv")}
    lips, neutral, of_person = {}, {}, defaultdict(list)
    for clip in clips:
        shown = measure(smoothed(read_landmarks(folder, clip))).expression[:, list(CHANNELS)] / METRE
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


def meetings(folder: Path, clips: list[Clip]) -> dict[str, np.ndarray]:
    """(T, 1) how much of each frame of a clip with known phones is M, B or P."""
    frames = {clip.name: clip.frames for clip in clips}
    found: dict[str, np.ndarray] = {}
    for row in read_rows(folder / "phones.csv"):
        if row["clip"] not in frames:
            continue
        said = found.setdefault(row["clip"], np.zeros(frames[row["clip"]] * 40))  # in milliseconds
        if is_bilabial(row):
            begin, length = (round(1000 * float(row[column])) for column in ("start_s", "duration_s"))
            said[begin : begin + length] = 1
    blurred = {name: gaussian_filter1d(said, BLURRED) for name, said in found.items()}
    return {name: said.reshape(-1, 40).mean(axis=1, keepdims=True) for name, said in blurred.items()}


def is_bilabial(row: dict[str, str]) -> bool:
    return row["phone"].split("(")[0] in BILABIAL and float(row["duration_s"]) <= MAX_BILABIAL_SECONDS


class Ridge:
    """Sums over clips, fold by fold, and the readouts that follow from them."""

    def __init__(self, rows, wanted, clips, folds, quiet) -> None:
        """`rows` and `wanted` by clip, standardised; `quiet`: rows of silence, and what is wanted there."""
        width, outputs = quiet[0].shape[1], quiet[1].shape[1]
        self._gram = np.zeros((6, width, width), np.float32)  # five folds and what all of them share
        self._cross = np.zeros((6, width, outputs), np.float32)
        self._count = np.zeros(6)
        for fold in range(5):
            chosen = [clip.name for clip in clips if folds[clip.identity] == fold]
            x = np.concatenate([centred(rows(name)) for name in chosen])
            self._add(fold, x, np.concatenate([centred(wanted[name]) for name in chosen]))
        self._add(5, *quiet)

    def _add(self, fold: int, x: np.ndarray, y: np.ndarray) -> None:
        self._gram[fold], self._cross[fold], self._count[fold] = x.T @ x, x.T @ y, len(x)

    def solve(self, without: int | None = None) -> np.ndarray:
        """(width, outputs) weights, from all folds but one."""
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


@dataclass(frozen=True, eq=False)
class Calibration:
    """What brings readouts to people's amplitude, and their lips together."""

    level: np.ndarray  # (11,)
    gain: np.ndarray  # (11,) about the level
    threshold: float  # of the readout of M, B and P from which on lips close

    def __call__(self, made: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """(T, 11) of each clip, from the (T, 12) that was read."""
        least, most = np.append(np.array(CHANNEL_LIMITS, float).T, [[-9], [9]], axis=1)
        found = {}
        for name, track in made.items():
            lips = self.level + self.gain * (track[:, :-1] - self.level)
            lips[:, GAP] = met(lips[:, GAP], track[:, -1] - self.threshold)
            found[name] = np.clip(lips, least, most)
        return found


def calibrated(folder: Path, made, wanted, clips, level: np.ndarray) -> Calibration:
    """From readouts of these clips, which must be by readouts that do not know them."""
    made = {clip.name: made[clip.name] for clip in clips}
    ratio = [
        made[c.name][:, :-1].std(axis=0) / (wanted[c.name].std(axis=0) + 1e-6) for c in clips if c.strict
    ]
    gain = np.append(np.clip(AMPLITUDE / np.median(ratio, axis=0)[:-1], 1, GAIN), 1.0)
    for threshold in THRESHOLDS:
        found = Calibration(level, gain, float(threshold))
        gaps = {name: smoothed(track[:, GAP]) for name, track in found(made).items()}
        if closures(folder, gaps)[1] >= WELL_CLOSED:
            break
    return found


def closures(folder: Path, gap: dict[str, np.ndarray]) -> tuple[int, float]:
    """How many M, B and P there are, and the share of them with closed lips."""
    lowest = []
    for row in read_rows(folder / "phones.csv"):
        track, begin, length = gap.get(row["clip"]), float(row["start_s"]), float(row["duration_s"])
        if track is None or not is_bilabial(row):
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
    lips = [np.concatenate([of[name][:, GAP] for name in strict]) for of in (made, wanted)]
    said = np.concatenate([made[name][:, -1] > MIN_SPEECH for name in strict])
    voice = np.concatenate([wanted[name][:, -1] > 0.5 for name in strict])
    count, closed = closures(folder, {name: track[:, GAP] for name, track in made.items()})
    _, steady = closures(folder, {name: smoothed(track[:, GAP]) for name, track in made.items()})
    _, of_people = closures(folder, {name: track[:, GAP] for name, track in wanted.items()})
    return {
        "strict clips": len(strict),
        "gap r": r[:, GAP].mean(),
        "width r": r[:, WIDTH].mean(),
        "gap amplitude ratio": ratio[GAP],
        "width amplitude ratio": ratio[WIDTH],
        "M, B, P": count,
        "of them below 2 mm": closed,
        "of them below 2 mm, as people are seen": steady,
        "of them below 2 mm, people": of_people,
        f"people's gaps above {OPEN:.0f} mm shown below 2 mm": (lips[0] < CLOSED)[lips[1] > OPEN].mean(),
        "voice heard as voice": said[voice].mean(),
        "silence heard as silence": (~said[~voice]).mean(),
    }


@dataclass(frozen=True, eq=False)
class Standard:
    """What features and lips are counted from, and in which unit."""

    level: np.ndarray  # (11,) of lips, millimetres
    scale: np.ndarray  # (11,)
    mean: np.ndarray  # (768,) of features
    spread: np.ndarray  # (768,)

    def told(self, linear: np.ndarray, read: np.ndarray) -> np.ndarray:
        """(T, 12) millimetres, not yet calibrated, from what ridge (T, 12) and networks (T, 11) read."""
        lips = self.level + self.scale * ((1 - SHARE) * self._lift() * linear[:, :-1] + SHARE * read)
        return np.column_stack([lips, linear[:, -1]])

    def stored(self, weights: np.ndarray, networks, calibration: Calibration) -> dict[str, np.ndarray]:
        """The arrays of a readout: ridge (7, 768, 12), networks, and what calibrates the two."""
        scale = self.scale * calibration.gain
        weights = weights * np.append((1 - SHARE) * self._lift() * scale, 1.0) / self.spread[:, None]
        share = SHARE * scale / len(SEEDS)
        parts = [network.parts(self.mean, self.spread, share) for network in networks]
        for part in parts:
            part["out"] = np.pad(part["out"], ((0, 0), (0, 1)))  # networks do not read M, B and P
        bias = np.append(self.level, -calibration.threshold) - (self.mean[:, None] * weights).sum(axis=(0, 1))
        bias[:-1] += sum(part["out_bias"] for part in parts)
        arrays = {name: np.stack([part[name] for part in parts]).astype(np.float16) for name in READER}
        arrays |= {"weights": weights.reshape(-1, len(bias)).astype(np.float16)}
        return arrays | {"bias": bias.astype(np.float32)}

    def _lift(self) -> np.ndarray:
        return np.where(np.arange(len(self.level)) < len(CHANNELS), LIFT, 1.0)


class Course:
    """All clips as the readouts of one kind hear them, and readouts of some of them."""

    def __init__(self, folder: Path, clips: list[Clip], kind: str, wanted, cache: Path) -> None:
        self.clips, self._kind = clips, kind
        self._meetings = meetings(folder, clips)
        self._folds = read_folds()
        heard = read_windows(folder, clips, kind, cache)
        every = np.concatenate(list(wanted.values()))
        some = np.concatenate([windows[::7].astype(np.float32) for windows in heard.values()])
        self.standard = Standard(
            every.mean(axis=0), every.std(axis=0), some.mean(axis=0), some.std(axis=0) + 1e-3
        )
        self._examples = {c.name: self._example(heard[c.name], wanted[c.name]) for c in clips}
        shut = np.zeros((200, every.shape[1]))
        self._quiet = [self._example(windows, shut) for windows in silences(kind)]

    def _example(self, windows: np.ndarray, wanted: np.ndarray) -> Example:
        by = self.standard
        frames = ((windows.astype(np.float32) - by.mean) / by.spread).astype(np.float16)
        standard = ((wanted - by.level) / by.scale).astype(np.float32)
        near = places(self._kind, len(wanted))
        return Example(torch.from_numpy(frames), torch.from_numpy(near), torch.from_numpy(standard))

    def of_fold(self, fold: int) -> list[Clip]:
        return [clip for clip in self.clips if self._folds[clip.identity] == fold]

    def ridge(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Of each clip what the readouts that do not know it read, and (6, 7, 768, 12) weights:
        those without each fold, then those from all. M, B and P are from the clips with known phones.
        """
        lips = {name: example.wanted.numpy() for name, example in self._examples.items()}
        shut = np.concatenate([example.wanted.numpy() for example in self._quiet])
        both = [self._ridge(lips, shut), self._ridge(self._meetings, np.zeros((len(shut), 1)))]
        made = {c.name: np.column_stack([read[c.name] for read, _ in both]) for c in self.clips}
        return made, np.concatenate([weights for _, weights in both], axis=-1)

    def _ridge(
        self, wanted: dict[str, np.ndarray], in_silence: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The same of what is wanted in some of the clips.

        Each of the encoder's layers is read for itself and the two readings averaged.
        """
        outputs = in_silence.shape[1]
        known = [clip for clip in self.clips if clip.name in wanted]
        made = {clip.name: np.zeros((clip.frames, outputs)) for clip in self.clips}
        weights = np.zeros((6, len(TAPS), HEARD, outputs))
        for layer in (slice(0, HEARD // 2), slice(HEARD // 2, HEARD)):

            def rows(example: Example, layer: slice = layer) -> np.ndarray:
                frames = example.frames.numpy()[:, layer][example.neighbours.numpy()]
                return frames.reshape(len(frames), -1).astype(np.float32)

            quiet = np.concatenate([rows(example) for example in self._quiet]), in_silence
            ridge = Ridge(lambda name: rows(self._examples[name]), wanted, known, self._folds, quiet)
            for fold in range(5):
                solved = ridge.solve(without=fold)
                for clip in self.of_fold(fold):
                    made[clip.name] += 0.5 * rows(self._examples[clip.name]) @ solved
                weights[fold][:, layer] = 0.5 * solved.reshape(len(TAPS), -1, outputs)
            weights[5][:, layer] = 0.5 * ridge.solve().reshape(len(TAPS), -1, outputs)
        return made, weights

    def networks(self, without: int | None = None) -> list[mini_reader.Network]:
        """From all folds but one, one network for each seed."""
        known = [self._examples[c.name] for c in self.clips if self._folds[c.identity] != without]
        return [mini_reader.train([*known, *self._quiet], seed) for seed in SEEDS]

    def unseen(self) -> tuple[dict[str, np.ndarray], list[list[mini_reader.Network]]]:
        """Of each clip what the networks that do not know it read, averaged; and those of each fold."""
        made, of_fold = {}, []
        for fold in range(5):
            networks = self.networks(without=fold)
            of_fold.append(networks)
            for clip in self.of_fold(fold):
                example = self._examples[clip.name]
                made[clip.name] = np.mean([mini_reader.read(n, example) for n in networks], axis=0)
            print(self._kind, "fold", fold, flush=True)
        return made, of_fold


@dataclass(frozen=True, eq=False)
class Fitted:
    """Readouts of one kind, as arrays, and how those of the folds did."""

    folds: list[dict[str, np.ndarray]]  # each knows nobody of its fold
    last: dict[str, np.ndarray]  # from all clips; empty where it was not asked for
    results: dict[str, float]


def fit(folder: Path, clips: list[Clip], kind: str, wanted, cache: Path, folds_only: bool) -> Fitted:
    torch.set_num_threads(1)
    course = Course(folder, clips, kind, wanted, cache)
    linear, weights = course.ridge()
    read, networks = course.unseen()

    standard = course.standard
    made = {clip.name: standard.told(linear[clip.name], read[clip.name]) for clip in clips}
    judged, folds = {}, []
    for fold in range(5):  # neither the readout nor its calibration knows the clips it is judged on
        others = [clip for clip in clips if clip not in course.of_fold(fold)]
        known = calibrated(folder, made, wanted, others, standard.level)
        judged |= known({clip.name: made[clip.name] for clip in course.of_fold(fold)})
        folds.append(standard.stored(weights[fold], networks[fold], known))
    results = judge(folder, judged, wanted, clips)
    for name, of in (("ridge alone", linear), ("networks alone", read)):
        found = [correlation(of[c.name][:, GAP], wanted[c.name][:, GAP]) for c in clips if c.strict]
        results[f"gap r, {name}"] = np.mean(found)
    for fold in range(5):
        found = [correlation(judged[c.name], wanted[c.name])[GAP] for c in course.of_fold(fold) if c.strict]
        results[f"gap r, fold {fold}"] = np.mean(found)
    last = calibrated(folder, made, wanted, clips, standard.level)
    results |= {"gain of the gap": last.gain[GAP], "threshold of M, B and P": last.threshold}
    arrays = {} if folds_only else standard.stored(weights[5], course.networks(), last)
    return Fitted(folds, arrays, results)


def save(path: Path, readouts: dict[str, dict[str, np.ndarray]]) -> None:
    """Readouts of each kind, as `ditto.packs.mini.motion.lip_readout.load_readout` reads them."""
    np.savez(path, **{f"{kind}_{name}": array for kind, of in readouts.items() for name, array in of.items()})


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
        f"Lips are {1 - SHARE:.0%} a ridge regression and {SHARE:.0%} the mean of {len(SEEDS)} networks",
        f"(`scripts/mini_reader.py`, seeds {', '.join(map(str, SEEDS))}), on two layers of the",
        "speech encoder. They are calibrated by a gain for each number, which brings its spread to people's.",
        "Another ridge regression reads M, B and P from the clips with known phones; the gap closes where it",
        f"is above a threshold, the highest that closes {WELL_CLOSED:.0%} of them, counted on lips averaged",
        "over neighbouring frames as people's landmarks are. For the figures gains and threshold are chosen,",
        "for each fold, on the other four,",
        "from readings of clips that those readouts had not seen. These five readouts are kept, for",
        "`scripts/evaluate.py --folds`.",
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
    parser.add_argument("--folds", type=Path, default=ROOT / "build" / "mini_folds", help="for evaluate.py")
    parser.add_argument("--folds-only", action="store_true", help="leave pack and report as they are")
    args = parser.parse_args()
    clips = read_clips(args.folder)
    if args.features_only:
        read_windows(args.folder, clips, args.features_only, args.cache)
        return
    wanted = targets(args.folder, clips)
    wanted = {clip.name: np.column_stack([wanted[clip.name], voiced(args.folder, clip)]) for clip in clips}
    with ProcessPoolExecutor(len(LISTENING)) as pool:
        running = {
            kind: pool.submit(fit, args.folder, clips, kind, wanted, args.cache, args.folds_only)
            for kind in LISTENING
        }
    fitted = {kind: running[kind].result() for kind in LISTENING}
    for kind, of in fitted.items():
        print(kind, {figure: round(float(value), 3) for figure, value in of.results.items()}, flush=True)
    args.folds.mkdir(parents=True, exist_ok=True)
    for fold in range(5):
        save(fold_file(args.folds, fold), {kind: of.folds[fold] for kind, of in fitted.items()})
    if args.folds_only:
        return
    save(PACK / "motion.npz", {kind: of.last for kind, of in fitted.items()})
    write_report({kind: of.results for kind, of in fitted.items()}, clips)


if __name__ == "__main__":
    main()
