"""Faces that are small, turned, or not alone; made from the example pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ditto import bundled
from ditto.faces.finder import FaceFinder
from ditto.faces.likeness import MAX_HUMAN_WANDER, MAX_STEADY_WANDER, SURE_CERTAINTY, Likeness

EXAMPLES = Path(__file__).parents[3] / "examples"


def picture(name):
    return np.ascontiguousarray(cv2.imread(str(EXAMPLES / name))[..., ::-1])


@pytest.fixture(scope="module")
def finder():
    return FaceFinder.open(bundled.FOLDER)


@pytest.fixture(scope="module")
def heads(finder):
    """Head and shoulders of two people, a grey border around them, and where the face is in it."""
    found = {}
    for name in ("astronaut", "grace_hopper"):
        image = picture(f"{name}.jpg")
        (face,) = finder.find(image)
        middle, reach = (face.box[:2] + face.box[2:]) / 2, 1.1 * face.size
        left, top = np.maximum(0, middle - reach).astype(int)
        right, bottom = np.minimum(image.shape[1::-1], middle + reach).astype(int)
        found[name] = (image[top:bottom, left:right], face.size, middle - (left, top))
    return found


class Wall:
    """A grey picture that heads are hung on."""

    def __init__(self, heads, width, height):
        self.heads = heads
        self.image = np.full((height, width, 3), 120, np.uint8)

    def hang(self, name, x, y, pixels, degrees=0.0):
        """The head of `name` with its face around (x, y), so many pixels large, turned anticlockwise."""
        head, size, middle = self.heads[name]
        turn = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), degrees, pixels / size)
        turn[:, 2] += (x, y) - middle
        shrunk = cv2.GaussianBlur(head, (0, 0), max(0.3, 0.35 * size / pixels))
        size_of = self.image.shape[1::-1]
        painted = cv2.warpAffine(shrunk, turn, size_of)
        cover = cv2.warpAffine(np.ones(head.shape[:2], np.uint8), turn, size_of)
        self.image[cover > 0] = painted[cover > 0]


def near(face, x, y, pixels):
    middle = (face.box[:2] + face.box[2:]) / 2
    return np.abs(middle - (x, y)).max() < 0.25 * pixels and 0.7 < face.size / pixels < 1.4


@pytest.mark.parametrize("degrees", [0, 45, 90, 135, 180, -30, -90, -150])
def test_a_face_is_found_however_far_it_is_turned(finder, heads, degrees):
    wall = Wall(heads, 480, 480)
    wall.hang("grace_hopper", 240, 240, 130, degrees)
    (face,) = finder.find(wall.image)
    eyes = face.landmarks[263, :2] - face.landmarks[33, :2]
    seen = -np.degrees(np.arctan2(eyes[1], eyes[0]))
    assert abs((seen - degrees + 180) % 360 - 180) < 12


@pytest.mark.parametrize("pixels", [36, 60, 100, 240])
def test_a_face_is_found_however_small_it_is_in_its_picture(finder, heads, pixels):
    wall = Wall(heads, 1280, 720)
    wall.hang("astronaut", 900, 360, pixels)
    (face,) = finder.find(wall.image)
    assert near(face, 900, 360, pixels)


def test_a_small_face_beside_a_large_one_is_found_as_well(finder, heads):
    wall = Wall(heads, 960, 540)
    wall.hang("grace_hopper", 300, 270, 220)
    wall.hang("astronaut", 800, 200, 56)
    large, small = finder.find(wall.image)
    assert near(large, 300, 270, 220)
    assert near(small, 800, 200, 56)


def test_five_faces_come_in_order_of_size(finder, heads):
    wall = Wall(heads, 1200, 700)
    hung = [(200, 200, 140), (560, 200, 110), (860, 200, 90), (300, 540, 75), (700, 540, 60)]
    for number, (x, y, pixels) in enumerate(hung):
        wall.hang(("astronaut", "grace_hopper")[number % 2], x, y, pixels)
    faces = finder.find(wall.image)
    assert len(faces) == 5
    assert [face.size for face in faces] == sorted((face.size for face in faces), reverse=True)
    assert all(any(near(face, *place) for face in faces) for place in hung)


def test_a_turned_face_beside_an_upright_one_is_found(finder, heads):
    wall = Wall(heads, 900, 500)
    wall.hang("grace_hopper", 230, 250, 150)
    wall.hang("astronaut", 650, 250, 150, 90)
    assert len(finder.find(wall.image)) == 2


def test_a_face_seen_from_close_is_one_face(finder, heads):
    for head, _, _ in heads.values():
        assert len(finder.find(np.ascontiguousarray(head))) == 1


def test_people_are_human_and_their_mouths_plain(finder):
    for name in ("astronaut", "grace_hopper", "drawn_man", "drawn_woman"):
        image = picture(f"{name}.jpg")
        (face,) = finder.find(image)
        likeness = finder.likeness(image, face)
        assert likeness.human, name
        assert not likeness.mouth_hidden, name
        assert likeness.certainty > SURE_CERTAINTY + 0.05, name
        assert likeness.wander < 0.6 * MAX_STEADY_WANDER, name


@pytest.mark.parametrize("name", ["astronaut", "grace_hopper", "drawn_man"])
def test_something_in_front_of_the_mouth_is_noticed(finder, name):
    image = picture(f"{name}.jpg")
    (face,) = finder.find(image)
    points = face.landmarks[:, :2]
    eyes = float(np.linalg.norm(points[33] - points[263]))
    x, y = np.round((points[13] + points[14]) / 2 + (0, 0.2 * eyes)).astype(int)
    covered = image.copy()
    cv2.ellipse(covered, (int(x), int(y)), (int(0.4 * eyes), int(0.5 * eyes)), 0, 0, 360, (35, 35, 40), -1)
    assert finder.likeness(covered, face).mouth_hidden


def test_one_poor_sign_is_forgiven_but_not_both():
    assert Likeness(certainty=0.70, wander=0.5 * MAX_HUMAN_WANDER).human
    assert Likeness(certainty=0.90, wander=3 * MAX_HUMAN_WANDER).human
    assert not Likeness(certainty=0.70, wander=1.2 * MAX_HUMAN_WANDER).human
    assert not Likeness(certainty=0.40, wander=0.5 * MAX_HUMAN_WANDER).human


def test_a_large_upright_face_ends_a_search_that_need_not_be_thorough(finder, heads):
    wall = Wall(heads, 900, 600)
    wall.hang("grace_hopper", 300, 300, 260)
    wall.hang("astronaut", 800, 100, 40)
    assert len(finder.look(wall.image)) == 2
    (face,) = finder.look(wall.image, thorough=False)
    assert near(face, 300, 300, 260)


def test_small_faces_are_found_by_a_short_search_as_well(finder, heads):
    wall = Wall(heads, 900, 600)
    wall.hang("grace_hopper", 700, 450, 50)
    (face,) = finder.look(wall.image, thorough=False)
    assert near(face, 700, 450, 50)
