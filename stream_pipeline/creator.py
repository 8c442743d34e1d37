"""`from ditto import Ditto`: load a source, load a voice, generate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cfg.argument_checks import kind_of, path_of
from cfg.errors import ConfigError, NoFaceError
from cfg.frame_rates import Rate
from cfg.preset import preset as preset_settings
from cfg.reading import merge
from cfg.settings import Settings
from ditto.arrays import Image
from ditto.media.first_picture import first_picture
from ditto.media.inputs import Inputs
from ditto.media.picture import fitted
from ditto.media.sound import Sound, SoundFile, sound_of
from ditto.rates import SAMPLE_RATE
from ditto.source.avatar import AnyAvatar
from stream_pipeline.batches.jobs import SOUND_SUFFIXES, distinct_names, files_in
from stream_pipeline.engine import Engine, Progress, read

FaceDetector = Callable[[Image], Sequence[Sequence[float]]]  # boxes (left, top, right, bottom), pixels
AudioProcessor = Callable[[object], tuple[object, int]]  # a voice as (samples, samples a second)


class Ditto:
    """One portrait and one voice at a time, networks loaded once.

    >>> with Ditto(preset="natural") as d:
    ...     d.load_source("portrait.jpg")
    ...     d.load_audio("speech.wav")
    ...     d.generate("out.mp4")
    """

    def __init__(
        self,
        pack: str = "mini",
        *,
        device: str | None = None,
        preset: str | None = None,
        data_root: str | Path | None = None,
        cfg_pkl: str | Path | None = None,
        face_detector: FaceDetector | None = None,
        audio_processor: AudioProcessor | None = None,
        **groups: object,
    ) -> None:
        """`pack` is 'mini', 'ditto', a configuration's name or a YAML file; `groups` are settings.

        `face_detector` finds faces in place of the built-in one; the largest is taken, or
        `source={"face": n}`. `audio_processor` reads voices, whatever it is they come as.
        """
        over = merge({} if preset is None else preset_settings(preset), groups)
        if device is not None:
            over = merge(over, {"pack": {"device": device}})
        self.engine = Engine.load(pack, data_root=data_root, cfg_pkl=cfg_pkl, over=over)
        self._detect = face_detector
        self._hear = audio_processor
        self._avatar: AnyAvatar | None = None
        self._voice: Sound | SoundFile | None = None

    @property
    def settings(self) -> Settings:
        return self.engine.settings

    def load_source(self, source: str | Path | Image, **over: object) -> Ditto:
        """The portrait or video to animate, or a (H, W, 3) RGB array; `over` are settings of the source."""
        if self._detect is not None:
            over = {**over, "face": self._found(source, over)}
        avatar = self.engine.register(source, **over)
        if self._avatar is not None:
            self.engine.release(self._avatar)
        self._avatar = avatar
        return self

    def load_audio(self, voice: object, rate: int = SAMPLE_RATE) -> Ditto:
        """The voice: a file, or an array of samples at `rate`; anything, with an audio processor."""
        self._voice = self._heard(voice, rate)
        return self

    def generate(
        self,
        output: str | Path,
        *,
        fps: Rate | float | str | None = None,
        return_dict: bool = False,
        progress: Progress | None = None,
        **groups: object,
    ) -> str | dict[str, object]:
        """Renders; gives the path, or with `return_dict` path, processing_time, frames and average_fps."""
        if self._avatar is None or self._voice is None:
            missing = "load_source" if self._avatar is None else "load_audio"
            raise ConfigError(f"nothing to generate from: call {missing} first")
        result = self._render(self._voice, path_of(output, "output"), fps, progress, groups)
        return result if return_dict else str(result["path"])

    def generate_batch(
        self,
        voices: str | Path | Sequence[object],
        output_dir: str | Path,
        *,
        suffix: str = ".mp4",
        fps: Rate | float | str | None = None,
        progress: Callable[[int, int], None] | None = None,
        **groups: object,
    ) -> list[dict[str, object]]:
        """One video for each voice of a folder or a list, as `generate` with `return_dict`.

        A voice that fails has an `error` in place of frames. Whole folders that shall survive a kill
        are the work of `ditto batch`.
        """
        if self._avatar is None:
            raise ConfigError("nothing to generate from: call load_source first")
        if isinstance(voices, (str, Path)):
            listed: list[object] = [*files_in(path_of(voices, "folder of sounds"), SOUND_SUFFIXES, "sounds")]
        elif isinstance(voices, Sequence):
            listed = list(voices)
        else:
            raise ConfigError(f"the voices are {kind_of(voices)}, but must be a folder or a list")
        if not isinstance(suffix, str):
            raise ConfigError(f"suffix is {kind_of(suffix)}, but must be a text such as '.webm'")
        folder = path_of(output_dir, "folder of the videos")
        names = distinct_names(
            [Path(v if isinstance(v, (str, Path)) else f"{n:04d}") for n, v in enumerate(listed)]
        )
        files = [voice for voice in listed if isinstance(voice, (str, Path))]
        inputs = Inputs(files, [voices] if isinstance(voices, (str, Path)) and Path(voices).is_dir() else [])
        results: list[dict[str, object]] = []
        for number, (voice, name) in enumerate(zip(listed, names, strict=True)):
            target = folder / f"{name}{suffix}"
            try:
                inputs.check(target)
                results.append(self._render(self._heard(voice, SAMPLE_RATE), target, fps, None, groups))
            except Exception as error:
                results.append({"path": str(target), "error": error})
            if progress is not None:
                progress(number + 1, len(listed))
        return results

    def close(self) -> None:
        self.engine.close()

    def __enter__(self) -> Ditto:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _render(
        self,
        voice: Sound | SoundFile,
        output: Path,
        fps: Rate | float | str | None,
        progress: Progress | None,
        groups: dict[str, object],
    ) -> dict[str, object]:
        assert self._avatar is not None
        began = time.perf_counter()
        over = groups if fps is None else merge({"output": {"fps": fps}}, groups)
        report = self.engine.render(self._avatar, voice, output, progress=progress, **over)
        took = time.perf_counter() - began
        return {
            "path": str(report.path),
            "processing_time": took,
            "frames": report.frames,
            "average_fps": report.frames / max(took, 1e-9),
        }

    def _heard(self, voice: object, rate: int) -> Sound | SoundFile:
        if self._hear is not None:
            heard = self._hear(voice)
            if not isinstance(heard, tuple) or len(heard) != 2:
                raise ConfigError("an audio processor must give two things: samples, and samples a second")
            return sound_of(*heard)
        if isinstance(voice, (Sound, SoundFile)):
            return voice
        return read(voice, self.settings) if isinstance(voice, (str, Path)) else sound_of(voice, rate)

    def _found(self, source: str | Path | Image, over: dict[str, object]) -> tuple[float, ...]:
        """The box of the wanted face among those the given detector finds, in order of size."""
        assert self._detect is not None
        settings = self.engine.with_settings({"source": over}).source
        boxes = [tuple(float(edge) for edge in box) for box in self._detect(seen(source, settings.max_size))]
        if any(len(box) != 4 for box in boxes):
            raise ConfigError("a face detector must give boxes of four numbers: left, top, right, bottom")
        number = settings.face if isinstance(settings.face, int) else 0
        if number >= len(boxes):
            raise NoFaceError(f"the face detector found {len(boxes)} faces, but number {number} is wanted")
        return sorted(boxes, key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))[number]


def seen(source: str | Path | Image, max_size: int) -> Image:
    """The picture, or the first one of a video, at the size it is rendered."""
    if isinstance(source, np.ndarray):
        return fitted(source, max_size)
    return first_picture(path_of(source, "source"), max_size)
