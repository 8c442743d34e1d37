"""Stage 1: the portrait or video read, its face found and measured, its frames played to a stream."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol

import numpy as np

from cfg.errors import MediaError, NoFaceError
from cfg.settings import Settings
from ditto.arrays import Image
from ditto.media.picture import fitted, is_picture, read_picture
from ditto.media.video import VideoSource
from ditto.rates import FRAME_RATE
from ditto.source.avatar import Analyser, Made, RegisteredAvatar, SourceFrame
from ditto.source.cache import AvatarCache, files_seen, key_of
from ditto.source.registered import MovingAvatar, StillAvatar

NAME = "avatar registrar"
EXTENDED_CROP = 1.26  # times the square that is painted anew, for framing 'extfull'
MAX_CROP_SCALE = 5.0  # face sizes


class Registrar(Protocol[Made]):
    """The part of a pack that registers sources."""

    def analyser(self, settings: Settings) -> Analyser[Made]: ...

    def model_files(self) -> list[Path]:
        """The files that measurements of a portrait depend on; none where they are not worth keeping."""


class OpenVideo(Protocol):
    """Registers a source video."""

    def __call__(
        self, pack: Registrar[Made], path: Path, settings: Settings, /
    ) -> RegisteredAvatar[Made]: ...


class Playback(Generic[Made]):
    """Source frames by output frame, for one stream; what the stitch stage asks.

    Frames come from the registrar's thread through `receive`. An output index that falls back to
    0 is a new turn: the source plays on from where it is.
    """

    def __init__(self, avatar: RegisteredAvatar[Made], receive: Callable[[], SourceFrame[Made]]) -> None:
        self.is_image = avatar.is_image
        self._receive = receive
        self._current: SourceFrame[Made] | None = None
        self._asked = -1

    def frame(self, index: int) -> SourceFrame[Made]:
        steps = index - self._asked if index >= self._asked else index + 1
        self._asked = index
        if self._current is None or not self.is_image:
            for _ in range(1 if self.is_image else steps):
                self._current = self._receive()
        assert self._current is not None
        return self._current


def register(
    pack: Registrar[Made], path: Path, settings: Settings, video: OpenVideo | None = None
) -> RegisteredAvatar[Made]:
    """The face in a picture, or in the frames of a video; `video` measures one in another way."""
    try:
        return _registered(pack, path, framed(settings), video or video_avatar)
    except NoFaceError as error:
        raise NoFaceError(f"{path}: {error}") from error


def registered_picture(pack: Registrar[Made], image: Image, settings: Settings) -> RegisteredAvatar[Made]:
    """The face in a (H, W, 3) RGB picture."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise MediaError(
            f"the portrait is an array of {image.dtype} and shape {image.shape}, "
            "but must be (height, width, 3) of uint8, in RGB"
        )
    return StillAvatar(measured(pack, fitted(image, settings.source.max_size), framed(settings)))


def framed(settings: Settings) -> Settings:
    """The settings with the crop that the framing asks for."""
    if settings.framing.preprocess != "extfull":
        return settings
    wider = min(settings.source.crop_scale * EXTENDED_CROP, MAX_CROP_SCALE)
    return dataclasses.replace(settings, source=dataclasses.replace(settings.source, crop_scale=wider))


def _registered(
    pack: Registrar[Made], path: Path, settings: Settings, video: OpenVideo
) -> RegisteredAvatar[Made]:
    source = settings.source
    if is_picture(path):
        image = read_picture(path, max_size=source.max_size)
        return StillAvatar(measured(pack, image, settings))
    return video(pack, path, settings)


def video_avatar(pack: Registrar[Made], path: Path, settings: Settings) -> MovingAvatar[Made]:
    """A source video at the stream's own rate, its face followed and held steady."""
    source = settings.source
    return MovingAvatar(
        lambda: VideoSource(path, max_size=source.max_size, fps=FRAME_RATE),
        lambda: pack.analyser(settings),
        source.smoothing,
        frame_limit(settings),
        loop=source.loop,
        no_face=source.no_face,
        neutral=source.neutral_frames,
        steady=True,
        sharp=("exp",),
    )


def frame_limit(settings: Settings) -> int | None:
    """Frames of a source video that are used; None is all."""
    return settings.source.template_frames if settings.source.template_frames > 0 else None


def measured(pack: Registrar[Made], image: Image, settings: Settings) -> SourceFrame[Made]:
    """A portrait's face, from the cache where it was measured before in the same way."""
    seen = files_seen(pack.model_files())
    if not seen:
        return pack.analyser(settings).analyse(image, 0)
    cache = AvatarCache.usual()
    key = key_of(image, seen, settings.source, settings.pack.precision, settings.compat)
    known = cache.load(key, image)
    if known is not None:
        return known
    fresh = pack.analyser(settings).analyse(image, 0)
    cache.store(key, fresh)
    return fresh
