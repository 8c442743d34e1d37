"""Sources of live faces, and the voice that they speak texts with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from cfg.errors import ConfigError, MediaError, did_you_mean
from ditto.arrays import Floats, Image
from ditto.media.first_picture import first_picture
from ditto.media.picture import fitted
from ditto.media.speak import speaker
from ditto_server.live.mock_face import MockFace
from stream_pipeline.live_face import LiveFace

if TYPE_CHECKING:
    from ditto.source.avatar import AnyAvatar

LONGEST_SIDE = 512  # pixels of a live picture
THUMBNAIL_SIDE = 160  # pixels
RATE = 24_000  # samples a second of a face's voice, as the speech synthesiser gives them

Speak = Callable[[str], Iterator[Floats]]


@dataclass(frozen=True, slots=True)
class Portrait:
    """A face that a visitor can choose; its name has letters, digits and hyphens and is no path."""

    name: str
    title: str
    thumbnail: bytes  # JPEG


class FaceSource(Protocol):
    """Makes faces. Its methods may take seconds: not for the event loop's thread."""

    @property
    def portraits(self) -> Sequence[Portrait]: ...

    @property
    def speaks(self) -> bool:
        """Whether its faces can `say`."""

    def face(self, portrait: str, pose: Sequence[float] | None = None) -> LiveFace:
        """A face that is not begun yet: `with` begins it, from another one's `pose` where it is given."""

    def close(self) -> None: ...


class MockFaces:
    """Faces without networks."""

    speaks = True

    def __init__(self, files: Sequence[Path]) -> None:
        self._images = {name: first_picture(file, LONGEST_SIDE) for name, file in named(files).items()}
        self.portraits = [portrait_of(name, image) for name, image in self._images.items()]

    def face(self, portrait: str, pose: Sequence[float] | None = None) -> LiveFace:
        return MockFace(self._images[chosen(portrait, self._images)])

    def close(self) -> None:
        pass


class EngineFaces:
    """Faces of one engine, which all sessions share."""

    def __init__(
        self, files: Sequence[Path], config: str = "mini_online", barge_in: float | None = None
    ) -> None:
        """After `barge_in` seconds of a visitor's voice a face falls silent; None lets it speak on."""
        from stream_pipeline.engine import Engine

        self._engine = Engine.load(config)
        try:
            self._avatars: dict[str, AnyAvatar] = {}
            for name, file in named(files).items():
                self._avatars[name] = self._engine.register(file, max_size=LONGEST_SIDE)
            self.portraits: Sequence[Portrait] = [
                portrait_of(name, avatar.first.image) for name, avatar in self._avatars.items()
            ]
            self._speak = voice()
        except BaseException:
            self._engine.close()
            raise
        self.speaks = self._speak is not None
        self._barge_in = barge_in

    def face(self, portrait: str, pose: Sequence[float] | None = None) -> LiveFace:
        from stream_pipeline.performer import Performer

        avatar = self._avatars[chosen(portrait, self._avatars)]
        begin = None if pose is None else np.asarray(pose, np.float32)
        return Performer(
            self._engine, avatar, rate=RATE, speak=self._speak, barge_in=self._barge_in, pose=begin
        )

    def close(self) -> None:
        self._engine.close()


def voice() -> Speak | None:
    """Text to sound, sentence by sentence; None where no speech synthesiser is installed."""
    try:
        speak = speaker(RATE)
    except MediaError:
        return None
    list(speak("Hello."))  # loads what is needed for the first words, before somebody waits for them
    return speak


def named(files: Sequence[Path]) -> dict[str, Path]:
    """Files by the name that visitors see: `Grace Hopper.jpg` is grace-hopper."""
    found: dict[str, Path] = {}
    for file in files:
        name = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "portrait"
        if name in found:
            raise ConfigError(f"{found[name]} and {file} would both be called '{name}'; rename one of them")
        found[name] = file
    return found


def portrait_of(name: str, image: Image) -> Portrait:
    coded = cv2.imencode(".jpg", fitted(image, THUMBNAIL_SIDE)[..., ::-1])[1]
    return Portrait(name, name.replace("-", " ").title(), coded.tobytes())


def chosen(name: str, known: Mapping[str, object]) -> str:
    if name not in known:
        raise ConfigError(f"'{name}' is not an avatar here{did_you_mean(name, known)}")
    return name
