"""The face of a portrait or of a video's frames, found, followed and measured.

First frame: detector, 106 landmarks, upright crop, 203 landmarks. Following frames start from the
landmarks of the frame before; the detector looks again every now and then, and whenever a step
between two frames is no face's movement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from cfg.errors import ModelError, NoFaceError
from cfg.settings import SourceSettings
from ditto.arrays import Floats, Image
from ditto.motion.vector import WIDTHS, SourceMotion, source_motion
from ditto.packs.official import eyes
from ditto.packs.official.crop import Crop, Framing, Points, crop, move
from ditto.packs.official.detector import MIN_SCORE, Faces, overlap
from ditto.packs.official.landmark203 import SIDE_203 as LANDMARK_SIDE
from ditto.packs.official.landmark203 import unit_planes
from ditto.packs.official.volume import Volume
from ditto.reference.networks import network_conventions
from ditto.source.avatar import SourceFrame
from model_formats.backend import Network

HEAD_SIDE = 512  # pixels of the crop that is painted anew
NETWORK_SIDE = 256  # pixels the motion and appearance extractors see

DETECTION_INTERVAL_FRAMES = 12  # frames followed between two looks of the detector
PATIENCE_FRAMES = 25  # frames followed although the detector sees no face
MIN_OVERLAP = 0.3  # overlap of the landmarks' box with a detected one
MAX_GROWTH = 1.6  # between two frames
MAX_MOVEMENT_RADII = 1.0  # root mean square radii between two frames
MIN_LIKENESS = 0.95  # of the shapes of two frames
SOFT_FACE_PIXELS = 100  # pixels of its shorter side below which the result is visibly soft


@dataclass(frozen=True, slots=True)
class FaceNetworks:
    """The loaded networks, without memory, so any number of analysers may share them."""

    detect: Callable[[Image], Faces]
    landmark106: Callable[[Image, Floats], Floats]  # picture and box to (106, 2)
    landmark203: Callable[[Image, Points], Points]  # 224 crop and its (3, 3) way back to (203, 2)
    landmark478: Callable[[Image, Points], Floats]  # 512 crop and landmarks in it to (478, 3)
    motion: Network
    appearance: Network


class OfficialAnalyser:
    """Finds and measures the face in the frames of one source, in order."""

    def __init__(
        self,
        networks: FaceNetworks,
        settings: SourceSettings | None = None,
        compat: bool = False,
        last: Points | None = None,
    ) -> None:
        """`compat` crops and follows as the reference does.

        `last` are the landmarks (203, 2) of a frame before the first one, to follow instead of a detection.
        """
        self._networks = networks
        self._settings = settings or SourceSettings()
        self._way = network_conventions(compat)
        self._last = last
        self._unconfirmed = 0  # frames since the detector last agreed
        self._warnings: tuple[str, ...] = ()  # of the frame last tracked
        self._around_head = Framing(
            HEAD_SIDE,
            self._settings.crop_scale,
            self._way.shift_right(self._settings.crop_vx_ratio),
            self._settings.crop_vy_ratio,
            self._settings.crop_rotate,
        )

    def analyse(self, image: Image, index: int) -> SourceFrame[Volume]:
        landmarks, _ = self.track(image, index)
        return self.measure(image, index, landmarks)

    def track(self, image: Image, index: int) -> tuple[Floats, bool]:
        self._warnings = ()
        found_anew = self._last is None
        if self._last is None:
            landmarks, self._warnings = self._find(image, index)
        else:
            landmarks, found_anew = self._follow(image, index, self._last)
        if not (np.isfinite(landmarks).all() and np.ptp(landmarks, axis=0).max() > 0):
            raise NoFaceError(f"frame {index}: the landmarks found there are no face")
        self._last = landmarks
        return np.asarray(landmarks, np.float32), not found_anew

    def forget(self) -> None:
        self._last = None
        self._unconfirmed = 0

    def measure(self, image: Image, index: int, landmarks: Floats) -> SourceFrame[Volume]:
        head = crop(image, landmarks, self._around_head)
        mesh = self._networks.landmark478(head.image, move(landmarks, head.from_frame))[None]
        planes = network_input(head)
        return SourceFrame(
            index=index,
            image=image,
            motion=self._motion(planes),
            eye_open=eyes.openness(mesh).reshape(2),
            eye_ball=eyes.gaze(mesh).reshape(6),
            to_frame=head.to_frame,
            appearance=self._appearance(planes),
            landmarks=landmarks,
            warnings=self._warnings,
        )

    def revisit(self, image: Image, known: SourceFrame[Volume]) -> SourceFrame[Volume]:
        head = crop(image, known.landmarks, self._around_head)
        return dataclasses.replace(known, image=image, appearance=self._appearance(network_input(head)))

    def _find(self, image: Image, index: int) -> tuple[Points, tuple[str, ...]]:
        faces = self._networks.detect(image).by_size()
        if not len(faces):
            raise NoFaceError(f"frame {index}: no face found ({_scores(faces)})")
        chosen = choose(faces, self._settings.face, index)
        return self._start(image, faces.boxes[chosen]), remarks(faces, chosen, self._settings.face)

    def _follow(self, image: Image, index: int, last: Points) -> tuple[Points, bool]:
        """Landmarks, and whether the face was found anew instead of followed."""
        landmarks = self._refine(image, last)
        if not self._way.confirms_faces:
            return landmarks, False
        self._unconfirmed += 1
        steady = is_one_step(last, landmarks)
        if steady and self._unconfirmed < DETECTION_INTERVAL_FRAMES:
            return landmarks, False

        faces = self._networks.detect(image)
        if not len(faces):
            if steady and self._unconfirmed < DETECTION_INTERVAL_FRAMES + PATIENCE_FRAMES:
                return landmarks, False
            raise NoFaceError(f"frame {index}: the face is lost ({_scores(faces)})")
        self._unconfirmed = 0
        if steady and overlap(extent(landmarks), faces.boxes).max() >= MIN_OVERLAP:
            return landmarks, False
        return self._start(image, faces.boxes[nearest(faces, last)]), True

    def _start(self, image: Image, box: Floats) -> Points:
        return self._refine(image, self._networks.landmark106(image, box))

    def _refine(self, image: Image, rough: Points) -> Points:
        face = crop(image, rough, Framing(LANDMARK_SIDE, scale=1.5, down=-0.1))
        return self._networks.landmark203(face.image, face.to_frame)

    def _motion(self, planes: Floats) -> SourceMotion:
        outputs = self._networks.motion.run({"image": planes})
        missing = [part for part in WIDTHS if part not in outputs]
        if missing:
            raise ModelError(f"motion extractor: no output is named {', '.join(missing)}")
        return source_motion({part: np.asarray(outputs[part], np.float32).reshape(1, -1) for part in WIDTHS})

    def _appearance(self, planes: Floats) -> Volume:
        return self._networks.appearance.run({"image": planes})["pred"]


def network_input(head: Crop) -> Floats:
    """(1, 3, 256, 256) in 0..1: the head as the motion and appearance extractors see it."""
    size = (NETWORK_SIDE, NETWORK_SIDE)
    return unit_planes(np.asarray(cv2.resize(head.image, size, interpolation=cv2.INTER_AREA), np.uint8))


def choose(faces: Faces, wanted: int | tuple[float, float, float, float] | None, index: int = 0) -> int:
    """Row of the face meant, of faces sorted by size: by number, by a box around it, or the largest."""
    if wanted is None:
        return 0
    if isinstance(wanted, int):
        if wanted >= len(faces):
            raise NoFaceError(
                f"frame {index}: face {wanted} was asked for, but there "
                + ("is 1 face, number 0" if len(faces) == 1 else f"are {len(faces)}, numbered from 0 by size")
            )
        return wanted
    shared = overlap(wanted, faces.boxes)
    if not shared.max() > 0:
        places = "; ".join(" ".join(f"{edge:.0f}" for edge in box[:4]) for box in faces.boxes)
        raise NoFaceError(f"frame {index}: no face inside the box asked for; there are faces at {places}")
    return int(shared.argmax())


def remarks(faces: Faces, chosen: int, wanted: object) -> tuple[str, ...]:
    """Warnings about the chosen face."""
    said = []
    if wanted is None and len(faces) > 1:
        said.append(f"{len(faces)} faces found; the largest is used (source.face chooses another)")
    box = faces.boxes[chosen]
    width, height = box[2] - box[0], box[3] - box[1]
    if min(width, height) < SOFT_FACE_PIXELS:
        said.append(
            f"the face is only {width:.0f} x {height:.0f} pixels; "
            f"below {SOFT_FACE_PIXELS} it comes out visibly softer than the picture"
        )
    return tuple(said)


def is_one_step(before: Points, after: Points) -> bool:
    """Whether landmarks of two neighbouring frames can belong to one moving face."""
    if not np.isfinite(after).all():
        return False
    old, new = (points[:, 0].astype(np.float64) + 1j * points[:, 1] for points in (before, after))
    moved = abs(new.mean() - old.mean())
    old, new = old - old.mean(), new - new.mean()
    old_size, new_size = np.linalg.norm(old), np.linalg.norm(new)
    if not (old_size > 0 and new_size > 0):
        return False
    likeness = abs(np.vdot(old, new)) / (old_size * new_size)  # 1: the same shape, turned and scaled
    radius = old_size / len(before) ** 0.5
    return bool(
        1 / MAX_GROWTH < new_size / old_size < MAX_GROWTH
        and moved < MAX_MOVEMENT_RADII * radius
        and likeness > MIN_LIKENESS
    )


def extent(points: Points) -> Points:
    """(4,) left, top, right, bottom of the landmarks."""
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def nearest(faces: Faces, points: Points) -> int:
    """Row of the face whose centre is nearest to the landmarks' own."""
    edges = extent(points)
    gaps = (faces.boxes[:, :2] + faces.boxes[:, 2:4]) - (edges[:2] + edges[2:])
    return int((gaps**2).sum(axis=1).argmin())


def _scores(faces: Faces) -> str:
    return f"the surest candidate scored {faces.best_score:.2f}, at least {MIN_SCORE:.2f} is needed"
