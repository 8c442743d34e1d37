"""The engine: loaded networks that serve any number of sessions."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from cfg.argument_checks import kind_of, mapping_of, path_of, whole_of
from cfg.errors import ConfigError
from cfg.reading import merge
from cfg.settings import Settings
from ditto.arrays import Image
from ditto.media.encode import open_sink
from ditto.media.inputs import Inputs
from ditto.media.segments import SegmentedVideo
from ditto.media.sink import Sink
from ditto.media.sound import Sound, SoundFile, open_sound, read_sound, shortened
from ditto.media.sound_decoding import RATE_LIMITS
from ditto.media.streamed import StreamedVideo
from ditto.media.video_file import Writable
from ditto.media.video_formats import CODECS, named
from ditto.motion.frame_rate import frames_of
from ditto.packs.base import AnyPack
from ditto.packs.registry import open_pack, plugin
from ditto.rates import SAMPLE_RATE, SAMPLES_PER_FRAME
from ditto.reference.conventions import conventions
from ditto.source.avatar import AnyAvatar
from ditto.stages.avatar_registrar import register, registered_picture
from ditto.stages.stage import AnyStage
from stream_pipeline.configuration import laid_over, settings_of
from stream_pipeline.file_checks import check_named
from stream_pipeline.metrics import StageMetrics, table
from stream_pipeline.output_steps import picture_size
from stream_pipeline.plan import Extra
from stream_pipeline.recipe import described, digest, named_files
from stream_pipeline.session import Session

log = logging.getLogger(__name__)
LONG_VIDEO_FRAMES = 3_000  # above it a video is written in pieces, so that a kill does not cost all of it
Progress = Callable[[int, int], None]  # frames done, frames in all


@dataclass(frozen=True, slots=True)
class Report:
    """Result of a render."""

    path: Path
    frames: int
    metrics: list[StageMetrics]

    def profile(self) -> str:
        """Table of how long each stage worked and waited."""
        return table(self.metrics)


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a registered source."""

    told: str  # what tells it from another
    inputs: Inputs


class Engine:
    """Networks, loaded once. Make one with `Engine.load`; use it as a `with` block or `close` it."""

    def __init__(self, settings: Settings, pack: AnyPack) -> None:
        self.settings = settings
        self.pack = pack
        self._extra: list[Extra] = []
        self._closed = False
        self._preparing: threading.Thread | None = None
        self._avatars: dict[AnyAvatar, Origin] = {}
        self._inputs = Inputs()  # what the settings were read from

    @classmethod
    def load(
        cls,
        config: str | Path | Mapping[str, object] | Settings = "mini",
        *,
        data_root: str | Path | None = None,
        cfg_pkl: str | Path | None = None,
        over: Mapping[str, object] | None = None,
        **groups: object,
    ) -> Engine:
        """An engine for a built-in configuration, a YAML file, or the official checkpoint layout.

        Groups of settings are laid on top: `Engine.load("mini", motion={"seed": 3})`; `over` holds
        them as one mapping.
        """
        if isinstance(config, Settings):
            settings = config
        else:
            over = merge(mapping_of(over, "over"), groups)
            settings = settings_of(config, data_root=data_root, cfg_pkl=cfg_pkl, over=over)
        check_named(settings)
        began = time.perf_counter()
        found = plugin(settings.pack.name)
        preparing = threading.Thread(target=found.prepare, name="ditto-prepare")
        preparing.start()
        try:
            pack = open_pack(settings)
        except BaseException:
            preparing.join()
            raise
        log.info(
            "loaded: pack %s from %s, %s",
            found.traits.name,
            settings.pack.root or "the package",
            since(began),
        )
        for role, file in settings.pack.files.items():
            log.info("loaded: %s from %s", role, file)
        if settings.pack.matting:
            log.info("loaded: matting network from %s", settings.pack.matting)
        engine = cls(settings, pack)
        engine._preparing = preparing
        engine._inputs = Inputs(path for path in (config, cfg_pkl) if isinstance(path, (str, Path)))
        return engine

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(self, source: str | Path | Image, **over: object) -> AnyAvatar:
        """The face of a portrait or video; may be used by many sessions. `over`: source settings.

        A source that is no file is a (H, W, 3) RGB picture.
        """
        self._check_open()
        began = time.perf_counter()
        settings = self.with_settings({"source": over} if over else {})
        if isinstance(source, np.ndarray):
            avatar: AnyAvatar = registered_picture(self.pack, source, settings)
            self._avatars[avatar] = Origin(f"{settings.source}", Inputs(named_files(settings)))
            name = "a picture"
        elif not isinstance(source, (str, os.PathLike)):
            raise ConfigError(
                f"the source is {kind_of(source)}, but must be a path, or a (height, width, 3) RGB array: "
                "numpy.asarray(picture.convert('RGB'))"
            )
        else:
            path = path_of(source, "source")
            avatar = register(self.pack, path, settings, conventions(settings).video)
            seen = path.stat()
            told = f"{settings.source} {seen.st_size} {seen.st_mtime_ns}"
            self._avatars[avatar] = Origin(told, Inputs([path, *named_files(settings)]))
            name = str(source)
        log.info("registered: %s, %s, %s", name, sizes_of(avatar), since(began))
        for warning in avatar.first.warnings:
            log.info("registered: %s: %s", name, warning)
        return avatar

    @property
    def extra(self) -> Sequence[Extra]:
        """The caller's own stages."""
        return tuple(self._extra)

    def add_stage(self, after: str, make: Callable[[], AnyStage]) -> None:
        """A stage of your own behind a named one, in every stream from now on, on a thread of its own.

        `make` is called once for each stream. The stage receives what the one before it gives
        (ditto/stages/messages.py) and gives the same kind of thing.
        """
        if not callable(make):
            raise ConfigError(f"a stage is made by a function, but this is {kind_of(make)}")
        self._extra.append(Extra(after, make))

    def render(
        self,
        avatar: AnyAvatar,
        sound: str | Path | Sound | SoundFile,
        target: str | Path | Writable,
        /,
        *,
        progress: Progress | None = None,
        **over: object,
    ) -> Report:
        """The whole voice to a finished video file, or into a stream that is open for bytes.

        Nothing is left behind if it fails, unless `output.resume` is set: then what was finished
        stays, and the same call goes on from there. A target that is read, by this call or by whoever
        plays a source that is not released, is refused.
        """
        self._check_open()
        check_registered(avatar, "render")
        began = time.perf_counter()
        settings = self.with_settings(over)
        voice = sound if isinstance(sound, (Sound, SoundFile)) else read(sound, settings)
        if avatar.length is not None:
            voice = shortened(voice, avatar.length * SAMPLES_PER_FRAME)
        motions = -(-voice.length // SAMPLES_PER_FRAME)
        total = frames_of(voice.length, settings.output.fps)
        sink: Sink
        if isinstance(target, (str, Path)):
            path = named(path_of(target, "output"), settings.output.format)
            sink, done = self._opened(avatar, voice, path, total, settings)
        else:
            if not hasattr(target, "write"):
                raise ConfigError(
                    f"the output is {kind_of(target)}, but must be a path, or a stream for bytes"
                )
            path, done = Path("-"), 0
            sink = StreamedVideo(target, picture_size(avatar, settings), voice.track, settings.output)
        try:
            with Session(
                self.pack,
                avatar,
                settings,
                sink=sink,
                sound=voice.pieces(),
                length=total,
                first=done,
                extra=self._extra,
            ) as session:
                session.controls.fade(motions, settings.stitch.fade_in, settings.stitch.fade_out)
                for _ in session.pictures():
                    done += 1
                    if progress is not None:
                        progress(done, total)
            sink.close()
        except BaseException:
            sink.abort()
            raise
        took = time.perf_counter() - began
        log.info("rendered: %s, %d frames in %.1f s, %.1f fps", path, done, took, done / max(took, 1e-6))
        for line in table(session.metrics).splitlines():
            log.debug("rendered: %s", line)
        return Report(path, done, session.metrics)

    def _opened(
        self, avatar: AnyAvatar, voice: Sound | SoundFile, target: Path, total: int, settings: Settings
    ) -> tuple[Sink, int]:
        """Sink of a render, and how many of its frames an earlier call left finished there."""
        size = picture_size(avatar, settings)
        if not in_pieces(target, total, settings):
            return open_sink(target, size, voice, settings.output, self.inputs(settings, voice)), 0
        origin = self._avatars.get(avatar)
        recipe = digest(
            "" if origin is None else origin.told,
            described(settings),
            *(f"{extra.after} {name_of(extra.make)}" for extra in self._extra),
            blocks=chain([avatar.first.image.tobytes()], (p.tobytes() for p in voice.pieces())),
        )
        sink = SegmentedVideo(
            target,
            size,
            voice.track,
            settings.output,
            recipe,
            resume=settings.output.resume,
            inputs=self.inputs(settings, voice),
        )
        return sink, sink.done

    def session(
        self, avatar: AnyAvatar, *, mode: str = "online", rate: object = SAMPLE_RATE, **over: object
    ) -> Session:
        """A stream: push sound of `rate`, pull pictures. Use it as a `with` block."""
        self._check_open()
        check_registered(avatar, "session")
        rate = whole_of(rate, "rate", *RATE_LIMITS)
        settings = self.with_settings(merge({"stream": {"mode": mode}}, over))
        return Session(self.pack, avatar, settings, rate=rate, extra=self._extra)

    def inputs(self, settings: Settings, voice: Sound | SoundFile | None = None) -> Inputs:
        """All that is read for a stream with these settings, and for the sources that are registered."""
        heard = [] if voice is None or voice.path is None else [voice.path]
        found = self._inputs | Inputs([*named_files(settings), *heard])
        for origin in self._avatars.values():
            found |= origin.inputs
        return found

    def release(self, avatar: AnyAvatar) -> None:
        """Forget a source that no session plays any more."""
        check_registered(avatar, "release")
        self._avatars.pop(avatar, None)
        avatar.close()

    def close(self) -> None:
        self._closed = True
        for avatar in self._avatars:
            avatar.close()
        self._avatars.clear()
        self.pack.close()
        if self._preparing is not None:
            self._preparing.join()

    def with_settings(self, over: Mapping[str, object]) -> Settings:
        """These settings with nested ones laid on top."""
        return laid_over(self.settings, over)

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigError("the engine is closed; load another, and use it inside its 'with' block")


def check_registered(avatar: object, method: str) -> None:
    if not hasattr(avatar, "first"):
        given = repr(str(avatar)) if isinstance(avatar, (str, Path)) else f"of type {type(avatar).__name__}"
        raise ConfigError(
            f"the source is {given}, but must be registered first: engine.{method}(engine.register(…), …)"
        )


def sizes_of(avatar: AnyAvatar) -> str:
    """Size of a source, in words."""
    first = avatar.first
    height, width = first.image.shape[:2]
    kind = "still" if avatar.is_image else "video"
    across, down = np.ptp(np.asarray(first.landmarks)[:, :2], axis=0)
    return f"{kind} of {width} x {height} pixels, face of {across:.0f} x {down:.0f}"


def since(began: float) -> str:
    return f"in {1000 * (time.perf_counter() - began):.0f} ms"


def name_of(make: Callable[[], object]) -> str:
    """Name of what makes a stage, the same in every run."""
    return f"{make.__module__}.{getattr(make, '__qualname__', type(make).__qualname__)}"


def in_pieces(output: Path, frames: int, settings: Settings) -> bool:
    """Whether a video is written in pieces that survive a kill: where it is asked for, or worth it."""
    possible = output.suffix.lower() in CODECS and not settings.output.transparent
    if settings.output.resume and not possible:
        raise ConfigError(
            f"{output}: only {', '.join(CODECS)} without transparency can be resumed; "
            "remove --resume or give one of these"
        )
    return possible and (settings.output.resume or frames > LONG_VIDEO_FRAMES)


def read(path: str | Path, settings: Settings) -> Sound | SoundFile:
    """The voice in a sound or video file, as the audio settings ask."""
    audio, path = settings.audio, path_of(path, "voice")
    if not (audio.normalise or audio.denoise):
        return open_sound(path, audio.start, audio.end)
    return read_sound(
        path, start=audio.start, end=audio.end, normalise=audio.normalise, denoise=audio.denoise
    )
