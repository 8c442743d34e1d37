"""A pack of its own: the lower jaw falls by how loud the voice is, as a ventriloquist's puppet's does."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from cfg.errors import ConfigError, NoFaceError
from cfg.settings import PackSettings, Settings
from ditto import bundled
from ditto.arrays import Floats, Image
from ditto.faces.finder import FaceFinder
from ditto.faces.topology import LOWER_INNER, OVAL
from ditto.motion.face_movements import NO_MOVEMENTS
from ditto.motion.motion_scale import NO_ROLES, FaceRoles
from ditto.motion.vector import EXPRESSION, resting_motion, to_vector
from ditto.packs.base import Compositor, Decoder, PackPlugin, PackTraits, Warper, erased
from ditto.picture.background import Silhouette
from ditto.rates import SAMPLES_PER_FRAME
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose
from model_formats.shared import SharedModels

TRAITS = PackTraits(name="puppet", cores=1, unused=frozenset({"motion.steps", "motion.solver"}))
GAP = EXPRESSION.start + 6 * 3 + 1  # the number of the motion vector that says how far the jaw falls
OPEN_AT = 0.15  # loudness that opens the mouth wide
WIDEST = 0.3  # of the jaw's height


class Analyser:
    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder

    def analyse(self, image: Image, index: int) -> SourceFrame[Image]:
        return self.measure(image, index, self.track(image, index)[0])

    def track(self, image: Image, index: int) -> tuple[Floats, bool]:
        faces = self._finder.find(image)
        if not faces:
            raise NoFaceError("no face found")
        return np.asarray(faces[0].landmarks, np.float32), False

    def measure(self, image: Image, index: int, landmarks: Floats) -> SourceFrame[Image]:
        points = landmarks[:, :2]
        lip = points[list(LOWER_INNER)]
        low, (left, right) = lip[:, 1].max(), lip[[0, -1], 0]
        chin = [p for p in points[list(OVAL)] if p[1] > low and left < p[0] < right]
        mask = np.zeros(image.shape[:2], np.uint8)  # 255 where the jaw is
        cv2.fillPoly(mask, [cv2.convexHull(np.rint(np.stack([*lip, *chin])).astype(np.int32))], 255)
        return SourceFrame(index, image, resting_motion(), landmarks=landmarks, appearance=mask)

    def revisit(self, image: Image, known: SourceFrame[Image]) -> SourceFrame[Image]:
        return self.measure(image, known.index, known.landmarks)

    def forget(self) -> None: ...


class Loudness:
    width, lookahead = 1, 0  # one number a frame: how loud the voice is

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)

    def push(self, samples: Floats) -> Floats:
        sound = np.concatenate([self._rest, samples])
        whole = len(sound) - len(sound) % SAMPLES_PER_FRAME
        self._rest = sound[whole:]
        return np.asarray(np.sqrt((sound[:whole].reshape(-1, SAMPLES_PER_FRAME, 1) ** 2).mean(1)), np.float32)

    def flush(self) -> Floats:
        return self.push(np.zeros(-len(self._rest) % SAMPLES_PER_FRAME, np.float32))

    def reset(self) -> None:
        self._rest = self._rest[:0]


class Sampler:
    window = 80

    def sample(self, previous: Floats, conditions: Floats, rng: np.random.Generator) -> Floats:
        motion = np.repeat(previous[None], self.window, axis=0)
        motion[:, GAP] = np.clip(conditions[:, 0] / OPEN_AT, 0, 1)
        return motion


class PuppetPack:
    traits, face = TRAITS, NO_MOVEMENTS
    online_overlap, online_delay, batch = 75, 0, 1
    smoothing: int | None = 1

    def __init__(self, settings: PackSettings) -> None:
        self._finder = FaceFinder.open(bundled.FOLDER, settings.threads or 1)
        self.models = SharedModels()

    def analyser(self, settings: Settings) -> Analyser:
        return Analyser(self._finder)

    def speech(self, settings: Settings) -> Loudness:
        return Loudness()

    def sampler(self, settings: Settings, source: SourceFrame[Image], overlap: int) -> Sampler:
        return Sampler()

    def rest(self, source: SourceFrame[Image]) -> Floats:
        return to_vector(source.motion)

    def roles(self, source: SourceFrame[Image]) -> FaceRoles:
        return NO_ROLES

    def stitcher(self) -> None: ...

    def warper(self) -> Warper[Image, int]:
        return fallen

    def decoder(self) -> Decoder[Image, int, Image]:
        return painted

    def compositor(self, settings: Settings) -> Compositor[Image, Image]:
        return lambda pose, face: face  # it is the whole picture already

    def silhouette(self) -> Silhouette[Image]:
        raise ConfigError("the puppet pack keeps the picture's own background; remove --background")

    def model_files(self) -> list[Path]:
        return []

    def close(self) -> None:
        self._finder.close()
        self.models.close()


def fallen(pose: Pose[Image]) -> int:
    """Pixels that the jaw falls."""
    height = np.ptp(np.nonzero(pose.source.look)[0])
    return round(float(pose.drive.expression[6, 1] * height * WIDEST))


def painted(pose: Pose[Image], fall: int) -> Image:
    """The picture with the jaw where it has fallen to, and the mouth dark above it."""
    jaw, image = pose.source.look > 0, pose.source.image.copy()
    below = np.roll(jaw, fall, axis=0)
    image[jaw] = (40, 12, 14)
    image[below] = np.roll(pose.source.image, fall, axis=0)[below]
    return np.asarray(image, np.uint8)


PLUGIN = PackPlugin(traits=TRAITS, open=lambda settings: erased(PuppetPack(settings)))
