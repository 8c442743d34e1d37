"""A live face of a portrait, with an engine of its own where none is given."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import numpy as np

from cfg.errors import ConfigError
from ditto.arrays import Image
from ditto.rates import SAMPLE_RATE
from ditto.source.avatar import AnyAvatar
from stream_pipeline.engine import Engine
from stream_pipeline.live_face import LiveFace
from stream_pipeline.performer import Performer

SPEECH_RATE = 24_000  # samples a second that most speech synthesisers give

AnySource = str | Path | Image | AnyAvatar
OpenFace = Callable[[], AbstractContextManager[LiveFace]]


@contextmanager
def open_face(
    engine: Engine | str | Path,
    portrait: AnySource,
    *,
    rate: int = SAMPLE_RATE,
    max_size: int = 512,
) -> Iterator[Performer]:
    """A performer of a portrait, begun; what was loaded and registered for it goes when it ends.

    `engine` may be the name or path of a configuration, `portrait` a file, a (H, W, 3) RGB picture,
    or an avatar that the engine has registered; the first two are brought down to `max_size` pixels.
    """
    with ExitStack() as opened:
        loaded = engine if isinstance(engine, Engine) else opened.enter_context(Engine.load(engine))
        if isinstance(portrait, (str, os.PathLike, np.ndarray)):
            avatar = loaded.register(portrait, max_size=max_size)
            opened.callback(loaded.release, avatar)
        else:
            avatar = portrait
        yield opened.enter_context(Performer(loaded, avatar, rate=rate))


def face_opener(
    engine: Engine | str | Path, portrait: AnySource | None, rate: int, max_size: int, face: OpenFace | None
) -> OpenFace:
    """Opens the face that is given, or one of a portrait."""
    if face is not None:
        return face
    if portrait is None:
        raise ConfigError("an avatar needs a portrait: a picture file, an RGB array or a registered one")
    return lambda: open_face(engine, portrait, rate=rate, max_size=max_size)
