"""A pose becomes a record of numbers and small arrays, and the record a picture."""

import dataclasses

import cv2
import numpy as np
import pytest

from ditto.faces.topology import EYES, MILLIMETRES
from ditto.motion.pose import placement
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.paint.drawing import drawn
from ditto.packs.mini.paint.shift_map import Rasteriser
from ditto.packs.mini.placing.place import place
from ditto.packs.mini.source.appearance import FrameAppearance, portrait_motion
from ditto.packs.mini.source.geometry import geometry_of
from ditto.packs.mini.source.template import default_template

PIXELS = 2.0  # for a millimetre
SPEAKING = {Exp.GAP: 12.0, Exp.BLINK_LEFT: FULL_BLINK, Exp.GAZE_X_RIGHT: 2.0}


def landmarks():
    return (default_template().shape * MILLIMETRES * PIXELS).astype(np.float32) + 256


def portrait():
    """The average face with its eyes painted in."""
    points = landmarks()
    image = np.full((512, 512, 3), (200, 160, 140), np.uint8)
    for eye in EYES:
        rim = np.rint(points[list(eye.upper + eye.lower[::-1]), :2]).astype(np.int32)
        cv2.fillPoly(image, [rim], (240, 240, 240), cv2.LINE_AA)
        x, y = np.rint(points[eye.iris[0], :2]).astype(int).tolist()
        cv2.circle(image, (x, y), round(6 * PIXELS), (60, 40, 20), -1)
    return FrameAppearance(image, geometry_of(image, points, default_template()))


def poses(look, yaw=0.0, pitch=0.0, **millimetres):
    """Placements of the head at rest and driven."""
    rest = placement(portrait_motion(look.head))
    expression = rest.expression.reshape(63).copy()
    for name, amount in millimetres.items():
        expression[Exp[name]] = amount * METRE
    drive = dataclasses.replace(
        rest, yaw=rest.yaw + yaw, pitch=rest.pitch + pitch, expression=expression.reshape(21, 3)
    )
    return rest, drive


@pytest.fixture(scope="module")
def look():
    return portrait()


SPOKEN = {place.name: amount for place, amount in SPEAKING.items()}


def arrays(record):
    """Every number of a record, whatever it lies in."""
    if dataclasses.is_dataclass(record):
        return [a for field in dataclasses.fields(record) for a in arrays(getattr(record, field.name))]
    if isinstance(record, tuple):
        return [a for part in record for a in arrays(part)]
    return [] if record is None else [np.asarray(record)]


def test_a_pose_that_is_the_source_s_own_places_nothing(look):
    assert place(look, *poses(look)) is None


def test_a_record_is_a_function_of_the_appearance_and_the_pose(look):
    one = arrays(place(look, *poses(look, yaw=6.0, **SPOKEN)))
    other = arrays(place(portrait(), *poses(look, yaw=6.0, **SPOKEN)))
    assert len(one) == len(other) > 40
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_record_holds_no_pixels(look):
    """Some tens of kilobytes, however large the picture is."""
    assert sum(a.nbytes for a in arrays(place(look, *poses(look, yaw=6.0, **SPOKEN)))) < 40_000


def test_eyes_that_neither_look_nor_close_are_left_to_the_picture(look):
    left, right = place(look, *poses(look, GAP=12.0)).eyes
    assert left is None and right is None
    left, right = place(look, *poses(look, BLINK_LEFT=FULL_BLINK)).eyes
    assert left.lid is not None and right is None


def test_only_a_head_that_turns_hides_some_of_itself(look):
    assert not place(look, *poses(look, GAP=12.0)).hides
    assert place(look, *poses(look, yaw=8.0)).hides
    assert place(look, *poses(look, pitch=8.0)).hides


def test_a_picture_is_a_function_of_the_appearance_and_the_record(look):
    before = look.image.copy()
    placed = place(look, *poses(look, yaw=6.0, **SPOKEN))
    rasterise = Rasteriser()
    one = drawn(look, placed, rasterise(look.head, placed))
    rasterise(look.head, place(look, *poses(look, yaw=-9.0, GAP=3.0)))
    np.testing.assert_array_equal(drawn(look, placed, rasterise(look.head, placed)), one)
    np.testing.assert_array_equal(look.image, before)
    assert (one != before).any()
