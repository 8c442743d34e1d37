import dataclasses

import cv2
import numpy as np
import pytest

from ditto.faces.topology import LOWER_INNER, MILLIMETRES, OVAL, UPPER_INNER
from ditto.packs.mini.background.head_mask import attached
from ditto.packs.mini.placing.expression import seam
from ditto.packs.mini.source.analyser import UNKNOWN_OUTLINE, MiniAnalyser
from ditto.packs.mini.source.geometry import MIXED_RIM, clear_of_teeth, geometry_of
from ditto.packs.mini.source.template import default_template

PIXELS = 2.0  # for a millimetre
DOWN = np.array([0.0, 1.0, 0.0])
BLANK = np.zeros((512, 512, 3), np.uint8)


def face(gap):
    """(478, 3) pixels of the average face looking ahead, its lips so many millimetres apart."""
    points = (default_template().shape * MILLIMETRES * PIXELS).astype(np.float32) + 256
    upper, lower = points[list(UPPER_INNER), 1], points[list(LOWER_INNER), 1]
    middle, bell = (upper + lower) / 2, np.sin(np.linspace(0, np.pi, len(upper)))
    points[list(UPPER_INNER), 1] = middle - gap / 2 * PIXELS * bell
    points[list(LOWER_INNER), 1] = middle + gap / 2 * PIXELS * bell
    return points


def opening(points):
    return float(points[14, 1] - points[13, 1])


def test_the_rim_of_an_open_mouth_is_given_to_the_mouth():
    points = face(gap=8)
    drawn = clear_of_teeth(points, DOWN, PIXELS * MILLIMETRES)
    assert opening(drawn) == pytest.approx(opening(points) + 2 * MIXED_RIM, abs=0.05)
    moved = np.abs(drawn - points).max(axis=1) > 0
    assert set(np.flatnonzero(moved)) <= {*UPPER_INNER, *LOWER_INNER}


def test_a_shut_mouth_is_left_as_it_is():
    points = face(gap=0.5)
    np.testing.assert_array_equal(clear_of_teeth(points, DOWN, PIXELS * MILLIMETRES), points)


def test_a_frame_keeps_the_landmarks_that_were_found():
    points = face(gap=8)
    frame = MiniAnalyser(Known(points)).measure(BLANK, 0, points)
    np.testing.assert_array_equal(frame.landmarks, points)
    assert frame.appearance.head.gap > 8


def test_an_open_mouth_is_shown_as_it_is_and_loses_a_pixel_on_its_way_to_being_shut():
    head = geometry_of(BLANK, face(gap=8), default_template())
    assert seam(head, head.gap) == 0
    assert seam(head, 0.0) == pytest.approx(MIXED_RIM / PIXELS, rel=0.05)
    assert seam(dataclasses.replace(head, gap=0.5), 0.0) == 0


class Known:
    """A face whose place is known."""

    notes = ()
    followed = False

    def __init__(self, points):
        self._points = points

    def __call__(self, image, previous):
        return self._points


def analysed(matte):
    return MiniAnalyser(Known(face(gap=0.5)), matte).analyse(BLANK, 0)


def test_a_foreground_that_misses_the_head_is_not_used_and_told_of():
    frame = analysed(lambda image: np.zeros(image.shape[:2], np.float32))
    assert frame.appearance.background is None
    assert frame.appearance.freedom < 1
    assert frame.warnings == (UNKNOWN_OUTLINE,)


def test_a_foreground_that_holds_the_head_is_used():
    frame = analysed(lambda image: np.ones(image.shape[:2], np.float32))
    assert frame.appearance.background is not None
    assert frame.appearance.freedom == 1
    assert frame.warnings == ()


def plain(value):
    """Whether something is made of arrays, numbers and dataclasses alone."""
    if dataclasses.is_dataclass(value):
        return all(plain(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, tuple):
        return all(map(plain, value))
    return value is None or isinstance(value, np.ndarray | float | int)


def test_all_that_a_portrait_is_painted_from_is_plain_and_made_when_it_is_registered():
    look = analysed(lambda image: np.ones(image.shape[:2], np.float32)).appearance
    names = {field.name for field in dataclasses.fields(look)}
    assert names == {"image", "head", "freedom", "opaque", "background", "eyes", "mouth"}
    assert plain(look)


def parts_made(look):
    return set(vars(look)) - {"image", "head", "person", "freedom"}


def test_of_a_video_s_frame_parts_are_made_once_and_when_they_are_asked_for():
    points = face(gap=0.5)
    look = MiniAnalyser(Known(points)).measure(BLANK, 0, points).appearance
    assert parts_made(look) == set()
    assert look.mouth is look.mouth
    assert parts_made(look) == {"mouth"}


def test_half_foreground_far_from_the_head_stays_where_it_is():
    person, head = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.uint8)
    cv2.circle(person, (60, 100), 40, 1.0, -1)
    cv2.circle(head, (60, 100), 30, 255, -1)
    cv2.circle(person, (170, 60), 15, 0.5, -1)
    kept = attached(person, head, 1.0)
    np.testing.assert_array_equal(kept[:, :105], person[:, :105])
    assert kept[:, 140:].max() == 0


def test_shoulders_do_not_tilt_with_the_head_and_hair_beside_the_eyes_does():
    wide = np.zeros((1024, 1024, 3), np.uint8)
    points = face(gap=0.5) + np.array([256, 256, 0], np.float32)
    head = geometry_of(wide, points, default_template())
    tall = np.linalg.norm(points[10, :2] - points[152, :2])
    across = np.abs(head.rings.points[:, 0] - points[list(OVAL), 0].mean()) / tall
    below = (head.rings.points[:, 1] - points[152, 1]) / tall
    weight = head.rings.weight
    shoulders = (across > 0.7) & (below > 0.1)
    beside_eyes = (across < 0.65) & (np.abs(below + 0.6) < 0.2)
    under_chin = (across < 0.3) & (below > 0) & (below < 0.25)
    assert shoulders.sum() > 3 and beside_eyes.sum() > 3 and under_chin.sum() > 3
    assert weight[shoulders].max() < 0.1
    assert weight[beside_eyes].min() > 0.9
    assert weight[under_chin].min() > 0.5
