import dataclasses

import numpy as np
import pytest

from cfg.errors import ModelError, NoFaceError
from cfg.settings import SourceSettings
from ditto.motion.vector import named_arrays
from ditto.packs.official import analyser
from ditto.packs.official.analyser import FaceNetworks, OfficialAnalyser, is_one_step
from ditto.packs.official.detector import Faces

SHAPE = np.random.default_rng(3).uniform(-1, 1, (203, 2))
SHAPE[[0, 6, 12, 18]] = [-0.5, -0.5]
SHAPE[[24, 30, 36, 42]] = [0.5, -0.5]
SHAPE[[48, 66]] = [0, 0.6]


def marked(x, y, radius=60.0):
    """203 landmarks of a face at a place."""
    return (SHAPE * radius + (x, y)).astype(np.float32)


def box(x, y, radius=60.0, score=0.9):
    return [x - radius, y - radius, x + radius, y + radius, score]


class Scene:
    """Networks that see what a test says is there, and count how often the detector looks."""

    def __init__(self):
        self.faces = [box(200, 200)]
        self.true_place = None  # where the landmarks end up; None is where they were looked for
        self.shape = marked
        self.looks = 0
        self.motion = {p: np.ones((1, 3)) for p in ("scale", "pitch", "yaw", "roll", "t", "exp", "kp")}

    def detect(self, image):
        self.looks += 1
        rows = np.array(self.faces, np.float32).reshape(-1, 5)
        return Faces(rows, np.zeros((len(rows), 5, 2), np.float32), max([r[4] for r in rows], default=0.21))

    def landmark106(self, image, found):
        middle = (found[:2] + found[2:4]) / 2
        return marked(*middle, (found[2] - found[0]) / 2)

    def landmark203(self, face, to_frame):
        x, y = self.true_place or (to_frame @ [112, 112 + 0.1 * 224, 1])[:2]
        return self.shape(x, y)

    def networks(self):
        return FaceNetworks(
            self.detect,
            self.landmark106,
            self.landmark203,
            lambda head, known: np.random.default_rng(0).random((478, 3), np.float32),
            Fixed(self.motion),
            Fixed({"pred": np.zeros((1, 32, 16, 64, 64), np.float32)}),
        )


class Fixed:
    def __init__(self, outputs):
        self.outputs = outputs

    def run(self, feeds):
        assert feeds["image"].shape == (1, 3, 256, 256)
        return self.outputs


IMAGE = np.zeros((480, 640, 3), np.uint8)


@pytest.fixture
def scene():
    return Scene()


def test_a_frame_is_measured_whole(scene):
    frame = OfficialAnalyser(scene.networks()).analyse(IMAGE, 0)
    assert frame.image is IMAGE
    assert set(named_arrays(frame.motion)) == {"scale", "pitch", "yaw", "roll", "t", "exp", "kp"}
    assert (frame.eye_open.shape, frame.eye_ball.shape) == ((2,), (6,))
    assert frame.to_frame.shape == (3, 3)
    assert frame.landmarks.shape == (203, 2)
    assert frame.appearance.shape == (1, 32, 16, 64, 64)
    assert frame.warnings == ()


def test_a_picture_without_a_face_is_refused_with_the_best_score(scene):
    scene.faces = []
    with pytest.raises(NoFaceError, match=r"frame 0: no face found .* scored 0\.21, at least 0\.50"):
        OfficialAnalyser(scene.networks()).analyse(IMAGE, 0)


def test_of_several_faces_the_largest_is_used_and_the_user_told(scene):
    scene.faces = [box(100, 100, 55), box(400, 200, 80)]
    frame = OfficialAnalyser(scene.networks()).analyse(IMAGE, 0)
    assert frame.landmarks.mean(axis=0)[0] > 300
    assert any("2 faces found" in w for w in frame.warnings)


@pytest.mark.parametrize("face", [1, (40, 40, 160, 160)])
def test_another_face_is_chosen_by_number_or_box(scene, face):
    scene.faces = [box(100, 100, 55), box(400, 200, 80)]
    frame = OfficialAnalyser(scene.networks(), SourceSettings(face=face)).analyse(IMAGE, 0)
    assert frame.landmarks.mean(axis=0)[0] < 200
    assert frame.warnings == ()


@pytest.mark.parametrize(
    ("face", "said"),
    [(2, "face 2 was asked for, but there is 1 face"), ((0, 0, 9, 9), "no face inside the box")],
)
def test_a_face_that_is_not_there_is_not_replaced_by_another(scene, face, said):
    with pytest.raises(NoFaceError, match=said):
        OfficialAnalyser(scene.networks(), SourceSettings(face=face)).analyse(IMAGE, 0)


def test_a_tiny_face_is_warned_about(scene):
    scene.faces = [box(200, 200, 20)]
    frame = OfficialAnalyser(scene.networks()).analyse(IMAGE, 0)
    assert any("only 40 x 40 pixels" in w for w in frame.warnings)


def test_a_steady_face_is_followed_with_few_looks_of_the_detector(scene):
    analyse = OfficialAnalyser(scene.networks()).analyse
    for index in range(25):
        scene.true_place = (200 + 2 * index, 200)
        scene.faces = [box(200 + 2 * index, 200)]
        frame = analyse(IMAGE, index)
        np.testing.assert_allclose(frame.landmarks, marked(200 + 2 * index, 200), atol=1e-3)
    assert scene.looks == 3  # the first frame, and frames 12 and 24


def test_after_a_cut_the_face_is_found_at_its_new_place(scene):
    def nonsense_beside_the_face(face, to_frame):
        x, y = (to_frame @ [112, 134, 1])[:2]
        return marked(450, 300) if abs(x - 450) < 60 else marked(x, y)[::-1]

    scene.faces = [box(450, 300)]
    scene.landmark203 = nonsense_beside_the_face
    frame = OfficialAnalyser(scene.networks(), last=marked(200, 200)).analyse(IMAGE, 1)
    np.testing.assert_allclose(frame.landmarks, marked(450, 300), atol=1e-3)


def test_landmarks_that_wander_off_are_brought_back_by_the_next_look(scene):
    analyse = OfficialAnalyser(scene.networks()).analyse
    analyse(IMAGE, 0)
    for index in range(1, analyser.DETECTION_INTERVAL_FRAMES):
        scene.true_place = (200 + 15 * index, 200)  # each step is small enough for a face
        analyse(IMAGE, index)
    scene.true_place = None
    frame = analyse(IMAGE, analyser.DETECTION_INTERVAL_FRAMES)
    assert abs(frame.landmarks.mean(axis=0)[0] - 200) < 10


def test_a_lost_face_is_refused_by_the_frames_number(scene):
    analyse = OfficialAnalyser(scene.networks()).analyse
    analyse(IMAGE, 0)
    scene.faces = []
    scene.shape = lambda x, y: marked(x, y)[::-1]
    with pytest.raises(NoFaceError, match="frame 7: the face is lost"):
        analyse(IMAGE, 7)


def test_a_face_hidden_from_the_detector_is_followed_for_a_second(scene):
    analyse = OfficialAnalyser(scene.networks()).analyse
    analyse(IMAGE, 0)
    scene.faces, scene.true_place = [], (200, 200)
    with pytest.raises(
        NoFaceError,
        match=f"frame {analyser.DETECTION_INTERVAL_FRAMES + analyser.PATIENCE_FRAMES}: the face is lost",
    ):
        for index in range(1, 100):
            analyse(IMAGE, index)


@pytest.mark.parametrize("nonsense", [np.nan, 7.0])
def test_landmarks_that_are_no_face_are_refused(scene, nonsense):
    scene.shape = lambda x, y: np.full((203, 2), nonsense, np.float32)
    with pytest.raises(NoFaceError, match="frame 0: the landmarks found there are no face"):
        OfficialAnalyser(scene.networks()).analyse(IMAGE, 0)


def test_compat_never_looks_again(scene):
    analyse = OfficialAnalyser(scene.networks(), compat=True).analyse
    analyse(IMAGE, 0)
    scene.faces = []
    scene.shape = lambda x, y: marked(x, y)[::-1]
    for index in range(1, 40):
        analyse(IMAGE, index)
    assert scene.looks == 1


def test_the_shift_to_the_right_is_honoured_and_dropped_only_in_compat(scene):
    scene.true_place = (200, 200)

    def head_at(**settings):
        compat = settings.pop("compat", False)
        frame = OfficialAnalyser(scene.networks(), SourceSettings(**settings), compat).analyse(IMAGE, 0)
        return (frame.to_frame @ [256, 256, 1])[:2]

    plain = head_at()
    side = 2.3 * np.ptp(marked(200, 200), axis=0).max()
    np.testing.assert_allclose(head_at(crop_vx_ratio=0.1) - plain, [0.1 * side, 0], atol=0.5)
    np.testing.assert_allclose(head_at(crop_vx_ratio=0.1, compat=True), plain)


def test_revisiting_a_frame_only_brings_its_picture_and_appearance(scene):
    new = OfficialAnalyser(scene.networks())
    frame = new.analyse(IMAGE, 0)
    looks = scene.looks
    known = dataclasses.replace(frame, appearance=None)
    again = new.revisit(IMAGE.copy(), known)
    assert again.appearance.shape == (1, 32, 16, 64, 64)
    assert again.motion is known.motion
    assert scene.looks == looks


def test_a_motion_extractor_without_its_outputs_is_refused_by_name(scene):
    del scene.motion["exp"]
    with pytest.raises(ModelError, match="no output is named exp"):
        OfficialAnalyser(scene.networks()).analyse(IMAGE, 0)


@pytest.mark.parametrize(
    ("after", "possible"),
    [
        (marked(210, 205), True),
        (marked(200, 200, 70), True),
        (marked(200, 200)[:, ::-1] * [-1, 1] + [400, 0], True),  # turned by a quarter
        (marked(320, 200), False),
        (marked(200, 200, 120), False),
        (marked(200, 200)[::-1], False),
        (np.full((203, 2), np.nan), False),
        (np.zeros((203, 2)), False),
    ],
)
def test_what_a_face_can_do_from_one_frame_to_the_next(after, possible):
    assert is_one_step(marked(200, 200), after) == possible
