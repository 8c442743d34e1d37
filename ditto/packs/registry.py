"""The packs there are, and how a source is registered with one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Protocol

import numpy as np

from cfg.errors import MediaError, NoFaceError
from cfg.settings import Settings
from ditto.arrays import Floats, Image
from ditto.media.picture import fitted, is_picture, read_picture
from ditto.media.video import VideoSource
from ditto.motion.face_movements import FaceRows
from ditto.motion.motion_scale import FaceRoles
from ditto.packs.base import Analyser, Compositor, Decoder, Sampler, SpeechStream, Stitcher, Warper
from ditto.picture.background import Silhouette
from ditto.rates import FRAME_RATE
from ditto.source.avatar import SourceFrame
from ditto.source.cache import AvatarCache, files_seen, key_of
from ditto.stages.avatar_registrar import MovingAvatar, RegisteredAvatar, StillAvatar
from model_formats.shared import SharedModels

WIDER = 1.26  # times the square that is painted anew, for framing 'extfull'
MOST_CROP = 5.0  # face sizes


class LoadedPack(Protocol):
    """An opened pack: shared networks, and makers of what belongs to one session."""

    name: str
    online_overlap: int  # frames windows share when the voice is still arriving
    online_delay: int  # frames held back online so that one window fades into the next
    smoothing: int | None  # frames head motion is averaged over; None leaves it to the mode
    batch: int  # frames painted in one call where the whole voice is known
    conditions: frozenset[str]  # what the motion model is told beside the voice: use_emo, …
    face: FaceRows  # what stands for smiles, winks and so on in its expression
    models: SharedModels  # networks opened beside its own, such as an enhancer's, and closed with them

    def analyser(self, settings: Settings) -> Analyser: ...

    def speech(self, settings: Settings) -> SpeechStream: ...

    def sampler(self, settings: Settings, source: SourceFrame, overlap: int) -> Sampler: ...

    def rest(self, source: SourceFrame) -> Floats | None:
        """(265,) motion that means no movement; None takes that of a stream's first frame."""

    def roles(self, source: SourceFrame) -> FaceRoles:
        """Which numbers of the expression may be enlarged, and which show who somebody is."""

    def stitcher(self) -> Stitcher | None: ...

    def warper(self) -> Warper: ...

    def decoder(self) -> Decoder: ...

    def compositor(self, settings: Settings) -> Compositor: ...

    def silhouette(self) -> Silhouette:
        """Cuts the person out of the pictures of one session."""

    def model_files(self) -> list[Path]:
        """The files that measurements of a portrait depend on; none where they are not worth keeping."""

    def close(self) -> None: ...


def load_pack(settings: Settings) -> LoadedPack:
    """The pack the settings name, its networks open."""
    if settings.pack.name == "ditto":
        from ditto.packs.official.pack import OfficialPack

        return OfficialPack(settings.pack)
    from ditto.packs.mini.pack import MiniPack

    return MiniPack(settings.pack)


def prepare(settings: Settings) -> None:
    """Has ready what the first frame would wait for: to be called beside `load_pack`, on another thread."""
    if settings.pack.name == "mini":
        from ditto.packs.mini.paint.teeth import drawn_parts

        drawn_parts()


def register(pack: LoadedPack, path: Path, settings: Settings) -> RegisteredAvatar:
    """The face in a picture, or in the frames of a video."""
    try:
        return _registered(pack, path, framed(settings))
    except NoFaceError as error:
        raise NoFaceError(f"{path}: {error}") from error


def registered_picture(pack: LoadedPack, image: Image, settings: Settings) -> RegisteredAvatar:
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
    wider = min(settings.source.crop_scale * WIDER, MOST_CROP)
    return dataclasses.replace(settings, source=dataclasses.replace(settings.source, crop_scale=wider))


def _registered(pack: LoadedPack, path: Path, settings: Settings) -> RegisteredAvatar:
    source = settings.source
    if is_picture(path):
        image = read_picture(path, max_size=source.max_size)
        return StillAvatar(measured(pack, image, settings))
    limit = source.template_frames if source.template_frames > 0 else None
    if settings.compat:  # every frame of the file once, whatever its rate
        return MovingAvatar(
            lambda: VideoSource(path, max_size=source.max_size),
            lambda: pack.analyser(settings),
            source.smoothing,
            limit,
            no_face="fail",
        )
    return MovingAvatar(
        lambda: VideoSource(path, max_size=source.max_size, fps=FRAME_RATE),
        lambda: pack.analyser(settings),
        source.smoothing,
        limit,
        loop=source.loop,
        no_face=source.no_face,
        neutral=source.neutral_frames,
        steady=True,
        sharp=("exp",),
    )


def measured(pack: LoadedPack, image: Image, settings: Settings) -> SourceFrame:
    """A portrait's face, from the cache where it was measured before in the same way."""
    seen = files_seen(pack.model_files())
    if not seen:
        return pack.analyser(settings).analyse(image, 0)
    cache = AvatarCache.usual()
    key = key_of(image, seen, settings.source, settings.pack.precision, settings.compat)
    known = cache.load(key, image)
    if known is None:
        known = pack.analyser(settings).analyse(image, 0)
        cache.store(key, known)
    return known
