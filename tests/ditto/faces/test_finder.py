from pathlib import Path

import cv2
import numpy as np
import pytest

from cfg.errors import ModelError, NoFaceError
from cfg.settings import SourceSettings
from ditto import bundled
from ditto.faces.finder import FaceFinder
from ditto.packs.mini.source.followed_face import FollowedFace
from model_formats import open_model

EXAMPLES = Path(__file__).parents[3] / "examples"


def picture(name):
    return np.ascontiguousarray(cv2.imread(str(EXAMPLES / name))[..., ::-1])


@pytest.fixture(scope="module")
def finder():
    return FaceFinder.open(bundled.FOLDER)


@pytest.fixture(scope="module")
def astronaut():
    return picture("astronaut.jpg")


@pytest.fixture(scope="module")
def face(finder, astronaut):
    (found,) = finder.find(astronaut)
    return found


def test_the_face_of_a_portrait_is_found_with_all_its_landmarks(face, astronaut):
    assert face.landmarks.shape == (478, 3)
    assert face.presence > 0.9
    left, top, right, bottom = face.box
    assert 0 < left < right < astronaut.shape[1]
    assert 0 < top < bottom < astronaut.shape[0]


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0])
def test_the_face_is_found_in_the_same_place_at_any_size(finder, astronaut, face, scale):
    (found,) = finder.find(cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    apart = np.abs(found.landmarks[:, :2] / scale - face.landmarks[:, :2]).mean()
    assert apart < 0.03 * face.size


@pytest.mark.parametrize(("degrees", "scale"), [(30, 0.7), (90, 1.0), (120, 0.7), (180, 1.0)])
def test_a_rotated_picture_has_its_face_found_where_it_turned_to(finder, astronaut, face, degrees, scale):
    height, width = astronaut.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    found = finder.find(cv2.warpAffine(astronaut, turn, (width, height)))
    assert len(found) == 1
    expected = face.landmarks[:, :2] @ turn[:, :2].T + turn[:, 2]
    assert np.abs(found[0].landmarks[:, :2] - expected).mean() < 0.06 * face.size


def test_of_two_faces_the_larger_comes_first(finder, astronaut):
    large = astronaut[:300, 80:380]
    small = cv2.resize(large, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    both = np.zeros((300, 480, 3), np.uint8)
    both[:180, :180] = small
    both[:, 180:] = large
    first, second = finder.find(both)
    assert first.size > 1.3 * second.size
    assert first.box[0] > 180 > second.box[2]


def test_noise_has_no_face(finder):
    assert finder.find(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)) == []


def test_a_picture_of_one_colour_has_no_face(finder):
    assert finder.find(np.full((200, 200, 3), 90, np.uint8)) == []


def test_a_shifted_picture_is_followed(finder, astronaut, face):
    shift = np.float32([[1, 0, 9], [0, 1, -6]])
    moved = cv2.warpAffine(astronaut, shift, astronaut.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    found = finder.track(moved, face.landmarks)
    apart = (found.landmarks - face.landmarks)[:, :2] - (9, -6)
    assert np.abs(apart).mean() < 0.015 * face.size


def test_a_face_that_is_gone_is_lost(finder, astronaut, face):
    assert finder.track(np.full_like(astronaut, 90), face.landmarks) is None


def test_refined_landmarks_stay_close_to_the_found_ones(finder, astronaut, face):
    refined = finder.refine(astronaut, face)
    apart = np.abs(refined.landmarks - face.landmarks)[:, :2].mean()
    assert 0 < apart < 0.01 * face.size


def test_the_person_is_what_the_mask_shows(finder, astronaut, face):
    mask = finder.person(astronaut)
    x, y = face.landmarks[4, :2].astype(int)
    assert mask.shape == astronaut.shape[:2]
    assert mask[y, x] > 0.9
    assert 0 <= mask.min() < 0.1


def test_a_closed_finder_holds_no_network():
    finder = FaceFinder.open(bundled.FOLDER)
    finder.close()
    with pytest.raises(ModelError, match="closed"):
        finder.find(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))


class Counted:
    """A network that counts its runs."""

    def __init__(self, network):
        self._network = network
        self.inputs = network.inputs
        self.runs = 0

    def run(self, feeds):
        self.runs += 1
        return self._network.run(feeds)

    def close(self):
        self._network.close()


@pytest.fixture
def counted():
    """A finder, and the detector it asks."""
    networks = [
        open_model(bundled.FOLDER / f"{n}.onnx") for n in ("face_detector", "face_mesh", "person_mask")
    ]
    detector = Counted(networks[0])
    finder = FaceFinder(detector, *networks[1:])
    yield finder, detector
    finder.close()


def test_a_picture_with_nothing_to_see_is_not_searched(counted):
    finder, detector = counted
    dark = np.random.default_rng(0).integers(0, 5, (720, 1280, 3), np.uint8)
    assert finder.look(dark, thorough=False) == finder.look(dark) == []
    assert detector.runs == 0


def test_where_nothing_is_found_nothing_is_searched_twice(counted):
    finder, detector = counted
    noise = np.random.default_rng(0).integers(0, 256, (320, 320, 3), np.uint8)
    finder.look(noise)
    thorough = detector.runs
    finder.look(noise, thorough=False)
    assert detector.runs == 2 * thorough


def test_of_searches_in_vain_most_are_brief(counted):
    finder, detector = counted
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (320, 320, 3), np.uint8) for _ in range(6)]
    finder.look(noise[0])
    full, detector.runs = detector.runs, 0
    follow = FollowedFace(finder, SourceSettings())
    for image in noise:
        with pytest.raises(NoFaceError):
            follow(image, None)
    assert detector.runs < 3 * full
