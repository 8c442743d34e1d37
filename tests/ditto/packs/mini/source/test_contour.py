"""Where a face ends that is seen from one side, and where the skin of its far cheek is taken from."""

import cv2
import numpy as np
import pytest

from ditto.faces.topology import EYES, MILLIMETRES, OVAL, UPPER_OUTER
from ditto.motion.pose import rotation
from ditto.packs.mini.source.contour import Contour
from ditto.packs.mini.source.geometry import geometry_of
from ditto.packs.mini.source.template import default_template

PIXELS = 2.0  # for a millimetre
SKIN, BEHIND = (200, 160, 140), (40, 60, 50)
ASIDE = 24.0  # degrees


def turned(yaw):
    """(478, 3) pixels of the average face, seen from one side."""
    angles = np.array([0.0]), np.array([yaw]), np.array([0.0])
    points = (default_template().shape * MILLIMETRES * PIXELS) @ rotation(*angles)[0]
    return np.asarray(points + np.array([256, 256, 0]), np.float32)


def picture(points, smaller=0.0):
    """Skin where the face is, but for so many millimetres at its edge."""
    image = np.full((512, 512, 3), BEHIND, np.uint8)
    cv2.fillConvexPoly(image, cv2.convexHull(points[:468, :2].astype(np.int32)), SKIN)
    if smaller:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(smaller * PIXELS) + 1,) * 2)
        image = cv2.erode(image, kernel)
    return image


def outline(yaw, smaller=0.0):
    points = turned(yaw)
    return Contour.of(picture(points, smaller), points, yaw, PIXELS), points


def test_a_face_from_the_front_ends_at_its_oval_and_nothing_of_it_is_hidden():
    found, points = outline(0.0)
    np.testing.assert_array_equal(found.placed(points), points[list(OVAL), :2])
    assert not found.beyond.any()


@pytest.mark.parametrize(("smaller", "least", "most"), [(1.0, 1.0, 2.6), (4.0, 4.0, 5.1), (6.5, 4.0, 5.1)])
def test_skin_of_a_face_from_the_front_is_taken_from_within_at_both_sides_by_5_mm_at_most(
    smaller, least, most
):
    found, points = outline(0.0, smaller)
    for side in (points[:, 0] < 256 - 60 * PIXELS, points[:, 0] > 256 + 60 * PIXELS):
        assert least * PIXELS < np.abs(found.within[side]).max() < most * PIXELS
    chin = [p for p in OVAL if abs(points[p, 0] - 256) < 15 * PIXELS]
    assert not found.within[chin].any()


def test_an_ear_lobe_at_one_place_of_the_outline_is_left_out_with_what_is_beside_it():
    points = turned(0.0)
    image = picture(points)
    rim = points[323, :2]
    cv2.ellipse(image, tuple(np.rint(rim).astype(int).tolist()), (8, 8), 0, 0, 360, BEHIND, -1)
    found = Contour.of(image, points, 0.0, PIXELS)
    near = [OVAL[OVAL.index(323) + step] for step in (-1, 0, 1)]
    assert np.abs(found.within[near]).max(axis=1).min() > 2.5 * PIXELS


def test_a_head_that_nods_takes_skin_from_where_it_is():
    found, _ = outline(0.0, smaller=4.0)
    for pitch in (-10.0, 10.0):
        turn = rotation(np.array([pitch]), np.array([0.0]), np.array([0.0]))[0].T.astype(np.float32)
        assert np.abs(found.tucked(turn)).max() < 0.1 * PIXELS


@pytest.mark.parametrize("yaw", [-ASIDE, ASIDE])
def test_a_face_from_one_side_ends_where_its_mesh_does(yaw):
    found, points = outline(yaw)
    hull = cv2.convexHull(points[:468, :2].astype(np.float32))
    outside = [cv2.pointPolygonTest(hull, tuple(map(float, p)), True) for p in found.placed(points)]
    before = [cv2.pointPolygonTest(hull, tuple(map(float, p)), True) for p in points[list(OVAL), :2]]
    assert max(before) > 6 * PIXELS
    assert max(outside) < 4 * PIXELS
    np.testing.assert_array_less(-1e-2, outside)


def test_the_outline_of_a_frame_that_does_not_move_is_where_its_mesh_begins():
    points = turned(ASIDE)
    head = geometry_of(picture(points), points, default_template())
    np.testing.assert_allclose(head.contour.placed(head.points), head.rings.points[: len(OVAL)], atol=1e-3)


def test_a_head_that_turns_on_carries_its_outline_no_farther_from_its_oval():
    found, _ = outline(ASIDE)
    more = turned(ASIDE + 12)
    away = np.linalg.norm(found.placed(more) - more[list(OVAL), :2], axis=1)
    assert (away <= found.beyond + 1e-3).all()
    back = turned(0.0)
    np.testing.assert_allclose(found.placed(back), back[list(OVAL), :2], atol=0.5 * PIXELS)


@pytest.mark.parametrize("yaw", [-ASIDE, ASIDE])
@pytest.mark.parametrize("smaller", [2.0, 4.0])
def test_skin_of_the_far_cheek_is_taken_from_where_there_is_skin(yaw, smaller):
    found, points = outline(yaw, smaller)
    image = picture(points, smaller)
    cheek = [n for n in OVAL if abs(points[n, 1] - points[205, 1]) < 25 * PIXELS]
    cheek = [n for n in cheek if (points[n, 0] - 256) * yaw < 0]
    rim = points[cheek, :2] + found.within[cheek]
    x, y = np.rint(rim).astype(int).T
    assert len(cheek) > 2 and (np.abs(image[y, x].astype(int) - SKIN).max(1) < 30).all()


def test_eyes_lips_and_the_near_cheek_are_painted_from_where_they_are():
    found, points = outline(ASIDE, smaller=4.0)
    features = [*UPPER_OUTER, *(p for eye in EYES for p in eye.upper + eye.lower)]
    assert np.abs(found.within[features]).max() < 0.3 * PIXELS
    near = [n for n in OVAL if points[n, 0] > 256 + 20 * PIXELS]
    assert not found.within[near].any()
    assert np.abs(found.within).max() > 3 * PIXELS


def test_skin_is_taken_from_within_only_where_the_cheek_turns_to_the_camera():
    found, _ = outline(ASIDE, smaller=4.0)
    turns = [
        rotation(np.array([0.0]), np.array([yaw]), np.array([0.0]))[0].T.astype(np.float32)
        for yaw in (0, 4, -4, -12)
    ]
    still, on, back, far_back = (float(np.abs(found.tucked(turn)).max()) for turn in turns)
    assert still == on == 0
    assert 0 < back < far_back
    assert far_back == pytest.approx(float(np.abs(found.within).max()), rel=0.15)


def test_hair_before_the_cheek_does_not_decide_where_skin_is_taken_from():
    points = turned(ASIDE)
    hairy = picture(points)
    cv2.line(hairy, (130, 286), (240, 290), BEHIND, 4)  # from the outline far into the cheek
    bare = Contour.of(picture(points), points, ASIDE, PIXELS)
    found = Contour.of(hairy, points, ASIDE, PIXELS)
    np.testing.assert_allclose(found.within, bare.within, atol=1.5 * PIXELS)


@pytest.mark.parametrize("shift", [-600, 600])
def test_a_face_beyond_the_edge_of_the_picture_is_read_without_fault(shift):
    points = turned(ASIDE)
    found = Contour.of(picture(points), points + np.array([shift, 0, 0], np.float32), ASIDE, PIXELS)
    assert np.isfinite(found.within).all()
