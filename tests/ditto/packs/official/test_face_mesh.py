import numpy as np
import pytest

from ditto.packs.official.blaze_face import BlazeFace
from ditto.packs.official.face_mesh import FaceMesh, Landmark478, face_region, place


class Middle:
    """A mesh network that sees every point in the middle of its region, as deep as it is wide."""

    def run(self, feeds):
        points = np.tile(np.float32([128, 128, 256]), (478, 1))
        return {"flag": np.ones((1, 1), np.float32), "points": points.reshape(1, 1, 1, -1)}


class Sees:
    def __init__(self, *rows):
        self.raw = np.zeros((1, 896, 16), np.float32)
        self.logits = np.full((1, 896, 1), -50, np.float32)
        for row, box in rows:
            self.raw[0, row, :4] = box
            self.logits[0, row] = 9

    def run(self, feeds):
        return {"regressors": self.raw, "classificators": self.logits}


def test_the_region_turns_with_the_eyes():
    region = face_region(np.array([10, 10, 30, 20]), np.array([[15, 12], [15, 18]]))
    assert (region.x, region.y, region.width, region.height) == (20, 15, 30, 30)
    assert region.angle == pytest.approx(np.pi / 2)


def test_points_of_a_turned_region_come_back_turned():
    region = face_region(np.array([0.0, 0, 100, 100]), np.array([[0, 0], [0, 1]]), scale=1.0)
    found = place(np.float32([[256, 128, 0], [128, 256, 64]]), region)
    np.testing.assert_allclose(found, [[50, 100, 0], [0, 50, 25]], atol=1e-4)


def test_in_a_wide_picture_width_and_height_are_not_mixed_up():
    # the anchor of the first cell, moved to the middle of the picture
    sees = Sees((0, (60, 60, 32, 32)))
    landmarks = Landmark478(BlazeFace(sees), FaceMesh(Middle()))
    found = landmarks(np.zeros((100, 200, 3), np.uint8), np.zeros((1, 2)))
    np.testing.assert_allclose(found[0, :2], [0.5, 0.5], atol=1e-6)


def test_a_face_the_small_detector_misses_is_placed_by_its_landmarks():
    landmarks = Landmark478(BlazeFace(Sees()), FaceMesh(Middle()))
    known = np.array([[100, 200], [300, 280.0]])
    found = landmarks(np.zeros((512, 512, 3), np.uint8), known)
    np.testing.assert_allclose(found[0], [200 / 512, 240 / 512, 300 / 512], rtol=1e-6)
