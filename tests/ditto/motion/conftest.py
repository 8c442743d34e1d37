"""Portraits that are moved by controls, painted, and looked at again by the face tracking."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cfg.settings import SourceSettings
from ditto import bundled
from ditto.faces.finder import FaceFinder
from ditto.motion.vector import to_vector
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from ditto.packs.mini.motion.face_movements import FACE
from ditto.packs.mini.paint.decoder import MiniDecoder
from ditto.packs.mini.paint.warper import MiniWarper
from ditto.packs.mini.source.analyser import MiniAnalyser
from ditto.stages.messages import Motion
from ditto.stages.stitch import Stitch
from scripts.measure_motion import measure

EXAMPLES = Path(__file__).parents[3] / "examples"


class Studio:
    """One portrait as a source of a stream; its motion stands still where nothing else is said."""

    is_image = True

    def __init__(self, finder, name):
        self.image = np.ascontiguousarray(cv2.imread(str(EXAMPLES / f"{name}.jpg"))[..., ::-1])
        self.finder = finder
        self._face = finder.find(self.image)[0]
        self.source = MiniAnalyser.of(finder, SourceSettings()).analyse(self.image, 0)
        self.still = to_vector(self.source.motion)
        self._parts = MiniWarper(), MiniDecoder()
        self._unmoved = None

    def frame(self, index):
        return self.source

    def painted(self, controls=None, vector=None, settings=None):
        """The picture of one frame."""
        stage = Stitch(self, None, settings, controls={0: controls or {}}, d0=self.still, face=FACE)
        (pose,) = stage.process(Motion(0, 0, self.still if vector is None else vector))
        warper, decoder = self._parts
        return decoder(pose, warper(pose))

    def seen(self, picture):
        """Degrees, pixels, size in one of the portrait's, and millimetres, as the face tracking has them."""
        found = measure(self.landmarks(picture)[None])
        angles = {name: float(getattr(found, name)[0]) for name in ("pitch", "yaw", "roll")}
        place = {"right": float(found.translation[0, 0]), "down": float(found.translation[0, 1])}
        face = {number.name: float(found.expression[0, number]) / METRE for number in Exp}
        return {**angles, **place, "size": float(found.scale[0]), **face}

    def landmarks(self, picture):
        """(478, 3), looked for where the face of the portrait was and looked at twice."""
        near = self.finder.refine(picture, self._face, views=1)
        return self.finder.refine(picture, near, views=4).landmarks

    def change(self, controls=None, vector=None, settings=None):
        """What the tracking sees differently from the portrait left alone; size as a factor."""
        if self._unmoved is None:
            self._unmoved = self.seen(self.painted())
        after = self.seen(self.painted(controls, vector, settings))
        change = {name: value - self._unmoved[name] for name, value in after.items()}
        return {**change, "size": after["size"] / self._unmoved["size"]}

    @property
    def millimetre(self):
        return self.source.appearance.head.millimetre


@pytest.fixture(scope="session")
def studios():
    finder = FaceFinder.open(bundled.FOLDER)
    return {name: Studio(finder, name) for name in ("grace_hopper", "drawn_woman")}


@pytest.fixture(params=["grace_hopper", "drawn_woman"])
def studio(studios, request):
    return studios[request.param]


@pytest.fixture
def drawn(studios):
    """The one without glasses, whose eyes and brows are measured well."""
    return studios["drawn_woman"]
