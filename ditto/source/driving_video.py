"""Driving video: head motion and blinks of somebody, to be put on somebody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cfg.errors import MediaError, NoFaceError
from ditto import bundled
from ditto.arrays import Floats, Image
from ditto.faces.finder import FaceFinder
from ditto.faces.pose import angles, average_face, canonical, closed_lids
from ditto.media.video import VideoSource
from ditto.motion.face_movements import FaceRows
from ditto.motion.frame_order import mirror_index
from ditto.rates import FRAME_RATE

MAX_SIDE_PIXELS = 640  # pixels of the longest side a face is followed at
MAX_FOLLOWED_FRAMES = 3000  # frames that are followed, 2 minutes; then the motion plays backwards, and again
MIN_FACE_FRAMES_SHARE = 0.5  # share of the frames that must show a face
ANGLE_SMOOTHING_FRAMES = 1.5  # frames the head's angles are averaged over, against the jitter of landmarks
OPEN_FRAMES_SHARE = 0.6  # of the frames, in which eyes are taken to be open
MIN_BLINK_SHARE = 0.25  # share of a lid's way that is no blink


@dataclass(frozen=True, slots=True, eq=False)
class DrivingMotion:
    """Somebody's head and eyes over time, 25 frames a second, played back and forth."""

    angles: Floats  # (T, 3) degrees of pitch, yaw and roll away from the middle of them all
    shut: Floats  # (T, 2) share of each eye that is closed, image-left first

    def head(self, frame: float) -> dict[str, object]:
        """Controls that turn the head."""
        pitch, yaw, roll = between_frames(self.angles, frame)
        return {"delta_pitch": pitch, "delta_yaw": yaw, "delta_roll": roll}

    def lids(self, frame: float, face: FaceRows) -> dict[str, object]:
        """Controls that close the eyes, in a pack's own expression numbers."""
        left, right = between_frames(self.shut, frame)
        return {"delta_eye": (left * face.shut[0] + right * face.shut[1]).reshape(63)}

    def openness(self, own: Floats, frame: int) -> Floats:
        """(2,) a portrait's eye openness, less what is closed at a frame."""
        return np.asarray(own * (1 - between_frames(self.shut, max(frame, 0))), np.float32)


def between_frames(rows: Floats, frame: float) -> Floats:
    """(n,) of (T, n) rows at any moment, back and forth."""
    whole = int(frame)
    here, there = (rows[mirror_index(n, len(rows))] for n in (whole, whole + 1))
    return np.asarray(here + (there - here) * np.float32(frame - whole), np.float32)


def read_driving_video(path: str | Path, finder: FaceFinder | None = None) -> DrivingMotion:
    """The largest face of a video, followed through it."""
    own = finder or FaceFinder.open(bundled.FOLDER)
    landmarks = followed(Path(path), own)
    face, _, turn, _ = canonical(landmarks, average_face())
    turned = np.stack(angles(turn), 1).astype(np.float32)
    smooth = cv2.GaussianBlur(
        turned, (1, 0), sigmaX=0.1, sigmaY=ANGLE_SMOOTHING_FRAMES, borderType=cv2.BORDER_REPLICATE
    )
    return DrivingMotion(
        np.asarray(smooth - np.median(smooth, axis=0), np.float32),
        blinks(closed_lids(face).astype(np.float32)),
    )


def blinks(closed: Floats) -> Floats:
    """(T, 2) shares of each eye closed, of lids whose usual place is taken to be open."""
    usual = np.quantile(closed, OPEN_FRAMES_SHARE, axis=0)
    most = np.maximum(np.quantile(closed, 0.995, axis=0) - usual, 0.5)
    share = (closed - usual) / most
    return np.asarray(np.clip((share - MIN_BLINK_SHARE) / (1 - MIN_BLINK_SHARE), 0, 1), np.float32)


def followed(path: Path, finder: FaceFinder) -> Floats:
    """(T, 478, 3) mesh landmarks; where no face is seen, the last one stays, before the first the first."""
    found: list[Floats] = []
    missing = 0
    with VideoSource(path, max_size=MAX_SIDE_PIXELS, fps=FRAME_RATE) as video:
        count = min(video.count, MAX_FOLLOWED_FRAMES)
        for index in range(count):
            seen = look(finder, video.frame, index, found)
            missing += seen is None
            if seen is not None or found:
                found.append(found[-1] if seen is None else seen)
    if not found or missing > count * (1 - MIN_FACE_FRAMES_SHARE):
        raise NoFaceError(
            f"{path}: too few frames show a face; give a video of one person who faces the camera"
        )
    if count < 2:
        raise MediaError(f"{path}: has a single picture; give a video that moves")
    return np.stack([found[0]] * (count - len(found)) + found).astype(np.float32)


def look(
    finder: FaceFinder, frame: Callable[[int], Image], index: int, before: list[Floats]
) -> Floats | None:
    image = frame(index)
    tracked = finder.track(image, before[-1]) if before else None
    if tracked is not None:
        return np.asarray(tracked.landmarks, np.float32)
    faces = finder.find(image)
    return np.asarray(faces[0].landmarks, np.float32) if faces else None
