"""Tracks the chosen face of a source: landmarks measured carefully first, then followed."""

from __future__ import annotations

import numpy as np

from cfg.errors import NoFaceError
from cfg.settings import SourceSettings
from ditto.arrays import Floats, Image
from ditto.faces.finder import FaceFinder, FoundFace
from ditto.faces.likeness import SURE_CERTAINTY

MIN_FACE = 32  # pixels of a face's longer side below which there is nothing to paint
MIN_FACE_SCORE = 0.7  # score below which what was found is nobody's face
FULL_SEARCH_EVERY = 4  # after a frame without a face, every so many searches look for small ones too


class FollowedFace:
    """Landmarks of one face through the frames of a source."""

    def __init__(self, finder: FaceFinder, settings: SourceSettings) -> None:
        self._finder = finder
        self._settings = settings
        self.notes: tuple[str, ...] = ()
        self._in_vain = 0  # searches since a face was found
        self.followed = False  # whether the last face was the one of the frame before

    def __call__(self, image: Image, previous: Floats | None) -> Floats:
        """(478, 3) in pixels; `previous` are those of the frame before."""
        self.followed = False
        if previous is not None:
            found = self._finder.track(image, previous)
            if found is not None and within(image, found):
                self.followed = True
                return found.landmarks
        brief = self._in_vain % FULL_SEARCH_EVERY != 0
        looked = self._finder.look(image, thorough=self._settings.face is not None, brief=brief)
        seen = [face for face in looked if within(image, face)]
        faces = [face for face in seen if face.human]
        if not faces:
            self._in_vain += 1
            raise NoFaceError(why_none(seen))
        self._in_vain = 0
        if previous is not None:
            chosen = min(faces, key=lambda face: float(np.abs(face.landmarks - previous).mean()))
            return chosen.landmarks
        chosen = self._chosen(faces)
        if chosen.size < MIN_FACE:
            raise NoFaceError(
                f"the face is only {chosen.size:.0f} pixels large, at least {MIN_FACE} are needed; "
                "crop closer, or give a larger picture"
            )
        if self._finder.likeness(image, chosen).mouth_hidden:
            self.notes += (
                "the mouth is hard to make out, as behind a hand, a mask or a microphone; "
                "a picture that shows it freely will speak better",
            )
        return self._finder.refine(image, chosen).landmarks

    def _chosen(self, faces: list[FoundFace]) -> FoundFace:
        wanted = self._settings.face
        if wanted is None:
            if len(faces) > 1:
                self.notes += (f"{len(faces)} faces found; the largest is used (--face chooses another)",)
            return faces[0]
        if isinstance(wanted, int):
            if wanted >= len(faces):
                raise NoFaceError(f"face {wanted} was asked for, but {there_are(len(faces))}")
            return faces[wanted]
        left, top, right, bottom = wanted
        middle = np.array([(left + right) / 2, (top + bottom) / 2])
        inside = [f for f in faces if (f.box[:2] <= middle).all() and (middle <= f.box[2:]).all()]
        if not inside:
            raise NoFaceError(
                f"no face around {middle[0]:.0f}, {middle[1]:.0f}, the middle of the box asked for"
            )
        return inside[0]


def within(image: Image, face: FoundFace) -> bool:
    """Whether the face's middle lies in the picture; one that has left it cannot be painted."""
    height, width = image.shape[:2]
    x, y = (face.box[:2] + face.box[2:]) / 2
    return bool(0 <= x < width and 0 <= y < height)


def there_are(count: int) -> str:
    """Number of faces to choose from, in words."""
    return "there is 1 face, number 0" if count == 1 else f"there are {count} faces, numbered from 0"


def why_none(seen: list[FoundFace]) -> str:
    """Error text for a picture that shows no human face."""
    best = max(seen, key=lambda face: face.score, default=None)
    if best is None or best.score < MIN_FACE_SCORE:
        return "no face found; a human face is needed, at least 32 pixels, both eyes in sight"
    x, y = (best.box[:2] + best.box[2:]) / 2
    return (
        f"no human face found: what looks most like one, {best.size:.0f} pixels around {x:.0f}, {y:.0f}, "
        f"scores {best.score:.2f} where a person's scores at least {SURE_CERTAINTY}, and its lips cannot be "
        "placed; an animal or a covered face cannot be used, "
        "choose a person whose eyes and mouth are in sight"
    )
