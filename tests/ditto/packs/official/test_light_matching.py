"""A painted square in another light than the picture around it."""

import numpy as np
import pytest

from ditto.motion.vector import resting_motion
from ditto.packs.official.light_matching import FACE_SIDE, Lit
from ditto.packs.official.paste_back import OfficialCompositor
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose

EDGE = 100  # pixels of the picture around the square


def pose():
    side = FACE_SIDE + 2 * EDGE
    rows, columns = np.mgrid[:side, :side]
    image = np.dstack([60 + rows // 8, 90 + columns // 8, 120 + 0 * rows]).astype(np.uint8)
    to_frame = np.array([[1, 0, EDGE], [0, 1, EDGE], [0, 0, 1]], np.float32)
    frame = SourceFrame(
        0,
        image,
        resting_motion(),
        to_frame=to_frame,
        appearance=None,
        landmarks=np.zeros((3, 2), np.float32),
    )
    return Pose(0, 0, frame, None, None, None, None)


def square(at, shade):
    """The source under the square, as a network might paint it: in another light, a face in the middle."""
    own = at.source.image[EDGE:-EDGE, EDGE:-EDGE].astype(np.float32)
    painted = own + np.array(shade, np.float32)
    painted[200:312, 200:312] += 30
    return painted


def error(at, compositor, shade):
    """Mean grey levels between the picture and its source in the square's outer part."""
    given = compositor(at, square(at, shade)).astype(np.float32) - at.source.image
    return np.abs(given[EDGE + 8 : EDGE + 60, EDGE:-EDGE]).mean()


@pytest.mark.parametrize("shade", [(12, 12, 12), (-15, -5, 10)])
def test_the_square_takes_on_the_light_around_it(shade):
    at = pose()
    assert error(at, OfficialCompositor(), shade) > 5
    assert error(at, Lit(OfficialCompositor()), shade) < 0.8


def test_the_face_itself_keeps_what_makes_it_differ():
    at = pose()
    given = Lit(OfficialCompositor())(at, square(at, (12, 12, 12))).astype(np.float32)
    face = given[EDGE + 240 : EDGE + 272, EDGE + 240 : EDGE + 272]
    own = at.source.image[EDGE + 240 : EDGE + 272, EDGE + 240 : EDGE + 272]
    assert (face - own).mean() == pytest.approx(30, abs=4)


def test_light_does_not_flicker_with_a_single_frame():
    at, lit = pose(), Lit(OfficialCompositor())
    steady = [lit(at, square(at, (0, 0, 0))) for _ in range(3)][-1]
    flash = lit(at, square(at, (20, 20, 20)))
    after = lit(at, square(at, (0, 0, 0)))
    assert np.abs(after.astype(int) - steady).max() <= 5
    assert flash.shape == after.shape
