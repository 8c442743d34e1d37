import numpy as np
import pytest

from ditto.packs.official.crop import Framing, crop, crop_matrix, face_rect, move

UPRIGHT = np.array([[40, 40], [60, 40], [50, 50], [45, 60], [55, 60]], np.float32)  # eyes, nose, mouth


def turned(points, degrees, about=(50, 50)):
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return ((points - about) @ turn.T + about).astype(np.float32)


def test_the_crop_is_as_many_face_sizes_wide_as_asked():
    rect = face_rect(UPRIGHT, scale=2.0)
    np.testing.assert_allclose(rect.size, [40, 40])
    np.testing.assert_allclose(rect.centre, [50, 50])
    assert rect.angle == 0


@pytest.mark.parametrize("degrees", [-150, -30, 10, 90, 179])
def test_a_tilted_face_comes_out_upright(degrees):
    points = turned(UPRIGHT, degrees)
    inside = move(points, crop_matrix(points, Framing(100, 2.0)))
    np.testing.assert_allclose(inside, move(UPRIGHT, crop_matrix(UPRIGHT, Framing(100, 2.0))), atol=0.05)


def test_without_turning_a_tilted_face_stays_tilted():
    points = turned(UPRIGHT, 30)
    inside = move(points, crop_matrix(points, Framing(100, 2.0, upright=False)))
    across = inside[1] - inside[0]
    assert np.rad2deg(np.arctan2(across[1], across[0])) == pytest.approx(30, abs=0.1)


def test_the_shifts_move_the_crop_right_and_down():
    still = face_rect(UPRIGHT, 2.0).centre
    np.testing.assert_allclose(face_rect(UPRIGHT, 2.0, right=0.1).centre - still, [4, 0], atol=1e-5)
    np.testing.assert_allclose(face_rect(UPRIGHT, 2.0, down=0.1).centre - still, [0, 4], atol=1e-5)


def test_the_two_matrices_undo_each_other():
    points = turned(UPRIGHT, 20)
    found = crop(np.zeros((100, 100, 3), np.uint8), points, Framing(64, 1.5))
    np.testing.assert_allclose(found.to_frame @ found.from_frame, np.eye(3), atol=1e-4)


def test_an_unknown_number_of_landmarks_is_refused():
    with pytest.raises(ValueError, match="no layout of 7 landmarks"):
        face_rect(np.zeros((7, 2)), 1.0)


def test_a_cosine_rounded_above_one_is_an_upright_face():
    for shift in np.linspace(0, 1, 200, dtype=np.float32):
        assert np.isfinite(face_rect(UPRIGHT + shift, 1.5).angle)
