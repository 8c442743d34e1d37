"""Motion of people in clips, and of the mini pack that hears them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import train_mini_motion as training
from measure_motion import Measured, measure
from scipy.ndimage import gaussian_filter1d, shift
from train_mini_motion import GAP, WIDTH, Clip

from ditto import bundled
from ditto.arrays import Floats
from ditto.motion.angles import degrees_to_bins
from ditto.motion.pose import placement
from ditto.motion.vector import LENGTH, PLACES, from_vector
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.motion.lip_readout import CHANNELS, LISTENING, Readout, load_readout
from ditto.packs.mini.motion.sampler import MiniSampler
from ditto.packs.mini.pack import MiniPack
from ditto.packs.mini.speech.encoder import LogMel, WhisperStream
from ditto.packs.mini.speech.voice_level import WithLoudness
from ditto.stages.audio2motion import OVERLAP_OFFLINE, Audio2Motion
from ditto.stages.messages import Conditions

BLINK = 0.2  # of a closed eye from which on a blink counts
Figures = dict[str, float]


@dataclass(frozen=True, eq=False)
class ClipMotion:
    """Head and lips of a clip's frames."""

    gap: Floats  # (T,) millimetres
    width: Floats  # (T,) millimetres
    lid: Floats  # (T,) 1 is closed
    head: Floats  # (T, 3) degrees: pitch, yaw, roll

    @classmethod
    def of(cls, seen: Measured) -> ClipMotion:
        lips = seen.expression[:, [CHANNELS[GAP], CHANNELS[WIDTH]]] / METRE
        lid = seen.expression[:, Exp.BLINK_LEFT] / METRE / FULL_BLINK
        head = np.stack([seen.pitch, seen.yaw, seen.roll], axis=1)
        return cls(lips[:, 0], lips[:, 1], lid - np.median(lid), head)

    def until(self, frames: int) -> ClipMotion:
        return ClipMotion(self.gap[:frames], self.width[:frames], self.lid[:frames], self.head[:frames])

    @classmethod
    def of_motion(cls, vectors: Floats) -> ClipMotion:
        placed = [placement(from_vector(vector)) for vector in vectors]
        expression = np.stack([p.expression.reshape(63) for p in placed])
        pitch, yaw, roll = np.array([(p.pitch, p.yaw, p.roll) for p in placed], np.float32).T
        none = np.zeros(0, np.float32)
        return cls.of(Measured(pitch, yaw, roll, none, none, expression))


class Stored:
    """A speech stream that has heard its sound before."""

    lookahead = 0

    def __init__(self, rows: Floats) -> None:
        self._rows = rows
        self.width = rows.shape[1]

    def push(self, samples: Floats) -> Floats:
        return self._rows[: len(samples) // 640]

    def flush(self) -> Floats:
        return self._rows[:0]

    def reset(self) -> None:
        pass


class Speaker:
    """Motion from sound as the pack makes it, online or offline."""

    def __init__(self, folder: Path, kind: str, cache: Path, folds: Path | None = None) -> None:
        """`folds`: where the readouts that know nobody of their fold are; without, those shipped."""
        self._folder, self._kind, self._cache = folder, kind, cache
        self._online = kind == "online"
        self._fold = training.read_folds()
        weights = (
            [training.fold_file(folds, fold) for fold in range(5)]
            if folds
            else [bundled.path("motion.npz")] * 5
        )
        self._readouts = [load_readout(path, online=self._online) for path in weights]
        stream = WithLoudness(WhisperStream(training.Encoder(), **LISTENING["offline"]))
        nothing = np.zeros(640, np.float32)
        self._silence = np.concatenate([stream.push(nothing), stream.flush()])[0]

    def readout(self, clip: Clip) -> Readout:
        return self._readouts[self._fold[clip.identity]]

    def __call__(self, clip: Clip, source: Floats, seed: int) -> Floats:
        """(T, 265) for a portrait whose own motion is `source`."""
        rows = training.features(self._folder, [clip], self._kind, self._cache)[clip.name]
        heard = WithLoudness(Stored(rows.astype(np.float32))).push(training.read_sound(self._folder, clip))
        overlap = MiniPack.online_overlap if self._online else OVERLAP_OFFLINE
        sampler = MiniSampler(
            self.readout(clip), source, overlap=overlap, online=self._online, emotion=False, loudness=True
        )
        stage = Audio2Motion(
            sampler,
            source,
            online=self._online,
            overlap=overlap,
            smoothing=MiniPack.smoothing,
            silence=self._silence if self._online else None,
            seed=seed,
        )
        made = [*stage.process(Conditions(0, 0, heard)), *stage.flush()]
        return np.stack([motion.vector for motion in made])


def frontal() -> Floats:
    """The motion of a portrait that looks straight ahead with closed lips."""
    source = np.zeros(LENGTH, np.float32)
    for angle in ("pitch", "yaw", "roll"):
        source[PLACES[angle]] = degrees_to_bins(0.0)
    return source


def smoothed_landmarks(landmarks: Floats) -> Floats:
    """(T, 478, 3) with less of the noise that the network has from frame to frame."""
    return np.asarray(gaussian_filter1d(landmarks, 0.7, axis=0, mode="nearest"), np.float32)


def seen(folder: Path, clip: Clip) -> Measured:
    return measure(smoothed_landmarks(training.read_landmarks(folder, clip)))


def read_lags(folder: Path) -> dict[str, float]:
    return {row["clip"]: float(row["lag_frames"]) for row in training.read_rows(folder / "lags.csv")}


def late(track: Floats, frames: float) -> Floats:
    return np.asarray(shift(track, frames, order=3, mode="nearest"), np.float32)


def loudness(folder: Path, clip: Clip) -> Floats:
    """(T,) a jaw driven by the logarithm of the sound's power."""
    power = (training.read_sound(folder, clip).reshape(-1, 640) ** 2).mean(axis=1)
    return np.asarray(gaussian_filter1d(np.log10(power + 1e-6), 1.0), np.float32)


def log_mels(sound: Floats) -> Floats:
    """(T, 880) of each frame the log-mel of it and of five frames to either side."""
    mel = LogMel()
    columns = np.stack([mel(frame).mean(axis=1) for frame in sound.reshape(-1, 640)])
    padded = np.pad(columns, ((5, 5), (0, 0)), mode="edge")
    return np.hstack([padded[n : n + len(columns)] for n in range(11)])


def mel_ridge(folder: Path) -> dict[str, Floats]:
    """(T,) the gap of each clip, from its log-mel, by a regression that does not know the person."""
    clips, folds = training.read_clips(folder), training.read_folds()
    wanted = {name: gap[:, [GAP]] for name, gap in training.targets(folder, clips).items()}
    heard = {clip.name: log_mels(training.read_sound(folder, clip)) for clip in clips}
    every = np.concatenate(list(heard.values()))
    mean, spread = every.mean(axis=0), every.std(axis=0) + 1e-3
    heard = {name: (rows - mean) / spread for name, rows in heard.items()}
    nothing = np.zeros((1, every.shape[1]), np.float32), np.zeros((1, 1), np.float32)
    ridge = training.Ridge(lambda name: heard[name], wanted, clips, folds, nothing)
    solved = [ridge.solve(without=fold) for fold in range(5)]
    return {clip.name: (heard[clip.name] @ solved[folds[clip.identity]])[:, 0] for clip in clips}


def liveliness(tracks: list[ClipMotion]) -> Figures:
    """Figures of blinks and head, the median of clips."""
    frames = sum(len(track.gap) for track in tracks)
    lengths = []
    for track in tracks:
        shut = np.flatnonzero(np.diff(np.pad(track.lid > BLINK, 1).astype(int)))
        depth = [track.lid[a:b].max() for a, b in zip(shut[::2], shut[1::2], strict=True)]
        lengths += [b - a for a, b, d in zip(shut[::2], shut[1::2], depth, strict=True) if d > 0.5]
    spread = np.median([track.head.std(axis=0) for track in tracks], axis=0)
    speed = {n: np.median([speeds(track.head, n) for track in tracks], axis=0) for n in (1, 3)}
    figures = {"blinks a minute": len(lengths) / frames * 1500, "blink ms": float(np.median(lengths)) * 40}
    for n, angle in enumerate(("pitch", "yaw", "roll")):
        figures[f"{angle} spread, degrees"] = spread[n]
        figures[f"{angle} speed, degrees a frame"] = speed[1][n]
        figures[f"{angle} speed over three frames"] = speed[3][n]
    jerk = [np.sqrt((np.diff(track.gap, 2) ** 2).mean()) for track in tracks]
    shake = [np.sqrt((np.diff(track.head, 2, axis=0) ** 2).mean()) for track in tracks]
    figures["lip jitter, mm"] = float(np.median(jerk))
    figures["head jitter, degrees"] = float(np.median(shake))
    return figures


def speeds(head: Floats, frames: int) -> Floats:
    """(3,) degrees a frame, judged over so many of them."""
    moved = head[frames:] - head[:-frames]
    return np.sqrt((moved**2).mean(axis=0)) / frames
