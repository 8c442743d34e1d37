"""The engine: loaded networks that serve any number of sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from cfg.errors import ConfigError
from cfg.official import read_official
from cfg.reading import build, load, merge
from cfg.settings import Settings
from ditto.avatar_registrar import RegisteredAvatar
from ditto.media.encode import open_sink
from ditto.media.sound import Sound, read_sound
from ditto.messages import SAMPLE_RATE, SAMPLES_PER_FRAME, Floats
from ditto.packs import LoadedPack, load_pack, register
from stream_pipeline.metrics import StageMetrics, table
from stream_pipeline.session import Session

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]  # frames done, frames in all


@dataclass(frozen=True, slots=True)
class Report:
    """What a render made."""

    path: Path
    frames: int
    metrics: list[StageMetrics]

    def profile(self) -> str:
        """How long each stage worked and waited, as a table."""
        return table(self.metrics)


class Engine:
    """Networks, loaded once. Make one with `Engine.load`; use it as a `with` block or `close` it."""

    def __init__(self, settings: Settings, pack: LoadedPack) -> None:
        self.settings = settings
        self.pack = pack
        self._avatars: list[RegisteredAvatar] = []

    @classmethod
    def load(
        cls,
        config: str | Path | Mapping[str, Any] | Settings = "mini",
        *,
        data_root: str | Path | None = None,
        cfg_pkl: str | Path | None = None,
        over: Mapping[str, Any] | None = None,
        **groups: Any,
    ) -> Engine:
        """An engine for a built-in configuration, a YAML file, or the official checkpoint layout.

        Groups of settings are laid on top: `Engine.load("mini", motion={"seed": 3})`; `over` holds
        them as one mapping.
        """
        if isinstance(config, Settings):
            settings = config
        else:
            over = merge(over or {}, groups)
            settings = settings_of(config, data_root=data_root, cfg_pkl=cfg_pkl, over=over)
        return cls(settings, load_pack(settings))

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def register(self, source: str | Path, **over: Any) -> RegisteredAvatar:
        """The face of a portrait or video; may be used by many sessions. `over`: source settings."""
        settings = self.with_settings({"source": over} if over else {})
        avatar = register(self.pack, Path(source), settings)
        self._avatars.append(avatar)
        return avatar

    def render(
        self,
        avatar: RegisteredAvatar,
        sound: str | Path | Sound,
        output: str | Path,
        *,
        progress: Progress | None = None,
        **over: Any,
    ) -> Report:
        """The whole voice to a finished video file; nothing is left behind if it fails."""
        settings = self.with_settings(over)
        voice = sound if isinstance(sound, Sound) else read(sound, settings)
        total = -(-len(voice.samples) // SAMPLES_PER_FRAME)
        sink = open_sink(Path(output), avatar.first.image.shape[:2], voice, settings.output)
        done = 0
        try:
            voice_pieces = pieces(voice.samples)
            with Session(self.pack, avatar, settings, sink=sink, sound=voice_pieces, length=total) as session:
                session.controls.fade(total, settings.stitch.fade_in, settings.stitch.fade_out)
                for _ in session.pictures():
                    done += 1
                    if progress is not None:
                        progress(done, total)
            sink.close()
        except BaseException:
            sink.abort()
            raise
        return Report(Path(output), done, session.metrics)

    def session(
        self, avatar: RegisteredAvatar, *, mode: str = "online", rate: int = SAMPLE_RATE, **over: Any
    ) -> Session:
        """A stream: push sound of `rate`, pull pictures. Use it as a `with` block."""
        return Session(
            self.pack, avatar, self.with_settings(merge({"stream": {"mode": mode}}, over)), rate=rate
        )

    def close(self) -> None:
        for avatar in self._avatars:
            avatar.close()
        self._avatars.clear()
        self.pack.close()

    def with_settings(self, over: Mapping[str, Any]) -> Settings:
        """These settings with nested ones laid on top."""
        values = vars_of(self.settings)
        for name, group in over.items():
            known = name in values and isinstance(group, Mapping)
            values[name] = merge(vars_of(values[name]), group) if known else group
        return build(Settings, values)


def settings_of(
    config: str | Path | Mapping[str, Any],
    *,
    data_root: str | Path | None = None,
    cfg_pkl: str | Path | None = None,
    over: Mapping[str, Any],
) -> Settings:
    """Settings by any of the ways in: a name, a YAML file, a mapping, or the official layout."""
    if cfg_pkl is not None:
        return official_settings(Path(cfg_pkl), data_root, over)
    if data_root is None:
        return load(config, **over)
    settings = load(config, **merge({"pack": {"root": str(data_root)}}, over))
    if settings.pack.name == "mini":
        raise ConfigError(
            "--data_root is for the official checkpoints; add --cfg_pkl FILE or --config ditto_torch"
        )
    return settings


def official_settings(cfg_pkl: Path, data_root: str | Path | None, over: Mapping[str, Any]) -> Settings:
    """Settings for the official layout, the defaults in its pickle included."""
    from stream_pipeline.keywords import KNOWN, nested

    if data_root is None:
        raise ConfigError("--cfg_pkl needs --data_root, the folder its model files lie in")
    found = read_official(cfg_pkl, Path(data_root))
    defaults = found["default_kwargs"]
    strange = sorted(key for key in defaults if key not in KNOWN)
    if strange:
        log.warning("%s: default_kwargs has %s, which nothing here uses", cfg_pkl, ", ".join(strange))
    values = merge({"pack": found["pack"]}, nested({k: v for k, v in defaults.items() if k in KNOWN}))
    flags = {k: v for k, v in found["flags"].items() if k.startswith("use_")}
    values = merge(values, {"condition": flags})
    return build(Settings, merge(values, over))


def read(path: str | Path, settings: Settings) -> Sound:
    """The voice in a sound or video file, as the audio settings ask."""
    audio = settings.audio
    return read_sound(
        Path(path), start=audio.start, end=audio.end, normalise=audio.normalise, denoise=audio.denoise
    )


def pieces(samples: Floats, length: int = SAMPLE_RATE) -> Iterator[Floats]:
    for at in range(0, len(samples), length):
        yield samples[at : at + length]


def vars_of(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}
