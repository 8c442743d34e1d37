import cv2
import numpy as np
import pytest

from cfg.errors import ConfigError
from ditto.faces.outline import LAYOUTS, opening, outline, size_of
from ditto.packs.mini.source.template import default_template


def face_478(turn=0.0, size=300.0, gap=0.0):
    """The average face, turned in the picture, its lower inner lip fallen by a share of its height."""
    points = default_template().shape[:, :2] * size + 400
    points[14, 1] += gap * size
    matrix = cv2.getRotationMatrix2D((400, 400), turn, 1)
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def face_203():
    """Eyes, lips and a jaw where an official face has them."""
    turn = np.linspace(0, 2 * np.pi, 203)
    points = np.stack([np.cos(turn) * 80, np.sin(turn) * 110 + 20], axis=1) + 300
    for eye, x in zip(LAYOUTS[203].eyes, (265, 335), strict=True):
        points[list(eye)] = x, 280
    lips = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    points[48:84] = np.stack([300 + 30 * np.cos(lips), 360 + 12 * np.sin(lips)], axis=1)
    points[[90, 102]] = (300, 357), (300, 363)
    return points.astype(np.float32)


def holds(polygon, point):
    return cv2.pointPolygonTest(polygon.reshape(-1, 1, 2), tuple(map(float, point)), False) > 0


@pytest.mark.parametrize("points", [face_478(), face_478(30), face_478(-80), face_203()])
def test_regions_hold_what_they_are_called_after(points):
    layout = LAYOUTS[len(points)]
    eye = points[list(layout.eyes[0]), :2].mean(axis=0)
    for lip in points[list(layout.lips), :2]:
        assert holds(outline(points, "mouth"), lip)
        assert holds(outline(points, "lower_face"), lip)
        assert holds(outline(points, "face"), lip)
    assert not holds(outline(points, "mouth"), eye)
    assert not holds(outline(points, "lower_face"), eye)
    assert holds(outline(points, "face"), eye)


def test_a_jaw_that_falls_stays_inside_the_lower_face():
    points = face_478()
    chin = points[152].copy()
    assert holds(outline(points, "lower_face"), chin + np.float32([0, 0.08 * size_of(points)]))


def test_the_opening_does_not_depend_on_size_or_turn():
    shut, ajar = opening(face_478(gap=0.0)), opening(face_478(gap=0.1))
    assert ajar > shut + 0.05
    assert opening(face_478(35, 120, 0.1)) == pytest.approx(ajar, rel=1e-3)


def test_lips_that_cross_are_shut():
    assert opening(face_478(gap=-0.2)) == 0


def test_landmarks_of_another_layout_are_refused():
    with pytest.raises(ConfigError, match="68 landmarks"):
        outline(np.zeros((68, 2), np.float32), "mouth")
