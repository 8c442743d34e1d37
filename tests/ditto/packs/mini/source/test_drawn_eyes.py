import dataclasses

import cv2
import numpy as np
import pytest

from ditto.faces.topology import EYE_LEFT, EYE_RIGHT, EYES, MILLIMETRES
from ditto.motion.pose import placement
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.paint.decoder import MiniDecoder
from ditto.packs.mini.paint.warper import MiniWarper
from ditto.packs.mini.source.analyser import MiniAnalyser
from ditto.packs.mini.source.drawn_eyes import around_whites
from ditto.packs.mini.source.template import default_template
from ditto.stages.messages import Pose

PIXELS = 2.0  # for a millimetre
SKIN, WHITE, IRIS, LASH = (205, 150, 120), (225, 220, 215), (60, 110, 160), (30, 25, 25)
WHOLE = (1.5, 3.0)  # of the mesh's half width and half height


def landmarks():
    """(478, 3) pixels of the average face looking ahead."""
    return (default_template().shape * MILLIMETRES * PIXELS).astype(np.float32) + 256


def drawn(larger, white=WHITE, eyes=EYES, lashes=0.0):
    """Eyes whose whites are `larger` times the mesh's, across and down, lashes so many millimetres thick."""
    picture, points = np.full((512, 512, 3), SKIN, np.uint8), landmarks()
    for eye in eyes:
        rim = points[list(eye.upper + eye.lower), :2]
        middle = tuple(np.rint((rim.min(0) + rim.max(0)) / 2).astype(int).tolist())
        across, down = (np.ptp(rim, axis=0) / 2 * larger).astype(int).tolist()
        if lashes:
            thick = round(lashes * PIXELS)
            outer = (across + thick // 2, down + thick)
            cv2.ellipse(picture, middle, outer, 0, 180, 360, LASH, -1, cv2.LINE_AA)
        cv2.ellipse(picture, middle, (across, down), 0, 0, 360, white, -1, cv2.LINE_AA)
        cv2.circle(picture, middle, round(6 * PIXELS), IRIS, -1, cv2.LINE_AA)
    return picture


class Known:
    """A face whose place is known."""

    notes = ()
    followed = False

    def __init__(self, points):
        self._points = points

    def __call__(self, image, previous):
        return self._points


def shut(picture):
    """The picture with both eyes shut."""
    points = landmarks()
    source = MiniAnalyser(Known(points)).analyse(picture, 0)
    rest, still = placement(source.motion), np.zeros((1, 21, 3), np.float32)
    expression = rest.expression.reshape(63).copy()
    expression[[Exp.BLINK_LEFT, Exp.BLINK_RIGHT]] += FULL_BLINK * METRE
    drive = dataclasses.replace(rest, expression=expression.reshape(21, 3))
    pose = Pose(0, 0, source, still, still, rest, drive)
    return MiniDecoder()(pose, MiniWarper()(pose))


def size(points, eye):
    return np.ptp(points[list(eye.upper + eye.lower), :2], axis=0)


@pytest.mark.parametrize("eye", EYES)
def test_lids_are_moved_to_the_end_of_the_white(eye):
    points = landmarks()
    fitted = around_whites(drawn(WHOLE), points)
    np.testing.assert_allclose(size(fitted, eye), size(points, eye) * WHOLE, rtol=0.12)


def test_what_is_far_from_the_eyes_and_depth_stay():
    points = landmarks()
    fitted = around_whites(drawn(WHOLE), points)
    moved = np.flatnonzero((fitted != points).any(axis=1))
    near = [np.linalg.norm(points[:, :2] - points[eye.iris[0], :2], axis=1) for eye in EYES]
    assert np.minimum(*near)[moved].max() < 40 * PIXELS
    assert not {13, 14, 152, 10, *range(468, 478)} & set(moved.tolist())
    np.testing.assert_array_equal(fitted[:, 2], points[:, 2])


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        (drawn((0.8, 0.8)), "it fits"),
        (drawn(WHOLE, white=(150, 110, 90)), "nothing white is seen"),
        (drawn((5.0, 9.0)), "that is no eye"),
        (np.full((512, 512, 3), 128, np.uint8), "all is grey"),
        (np.zeros((512, 512, 3), np.uint8), "all is black"),
    ],
)
def test_a_mesh_is_left_as_it_is_where(picture, why):
    points = landmarks()
    np.testing.assert_array_equal(around_whites(picture, points), points, err_msg=why)


def test_a_soft_glint_on_skin_is_no_white():
    share = cv2.GaussianBlur((drawn(WHOLE)[..., 2] > 180).astype(np.float32), (0, 0), 8)[..., None]
    picture = (np.array(SKIN) * (1 - share) + np.array(WHITE) * share).astype(np.uint8)
    points = landmarks()
    np.testing.assert_array_equal(around_whites(picture, points), points)


@pytest.mark.parametrize("eye", EYES)
def test_a_blink_of_a_wide_open_eye_leaves_no_white_below_and_no_lashes_above(eye):
    picture = drawn((1.5, 4.6), lashes=8.0)
    left, top = np.rint(landmarks()[list(eye.upper + eye.lower), :2].min(0) - (26, 66)).astype(int)
    around = (slice(top, top + 140), slice(left, left + 116))
    before, after = picture[around], shut(picture)[around]
    assert (before.min(2) > 190).sum() > 1000
    assert (after.min(2) > 140).sum() < 20
    black = after[: 140 // 2].max(2) < 150
    assert black.sum() < 0.25 * (before[: 140 // 2].max(2) < 90).sum()


def test_one_large_eye_does_not_enlarge_the_other():
    points = landmarks()
    fitted = around_whites(drawn(WHOLE, eyes=[EYE_LEFT]), points)
    assert (size(fitted, EYE_LEFT) > 1.3 * size(points, EYE_LEFT)).all()
    np.testing.assert_array_equal(size(fitted, EYE_RIGHT), size(points, EYE_RIGHT))


@pytest.mark.parametrize("shift", [-400, 400])
def test_a_face_half_out_of_the_picture_is_read_without_fault(shift):
    points = landmarks() + np.array([shift, 0, 0], np.float32)
    assert np.isfinite(around_whites(drawn(WHOLE), points)).all()


def test_a_portrait_keeps_the_landmarks_that_were_found_and_paints_larger_eyes():
    points = landmarks()
    frame = MiniAnalyser(Known(points)).analyse(drawn(WHOLE), 0)
    np.testing.assert_array_equal(frame.landmarks, points)
    assert (size(frame.appearance.head.points, EYE_LEFT) > 1.3 * size(points, EYE_LEFT)).all()
