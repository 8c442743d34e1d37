"""Which face is taken, which are refused, and what is said about it."""

import numpy as np
import pytest

from cfg.errors import NoFaceError
from cfg.settings import SourceSettings
from ditto.faces.finder import FoundFace
from ditto.faces.likeness import Likeness
from ditto.packs.mini.source.analyser import MiniAnalyser
from ditto.packs.mini.source.followed_face import FollowedFace
from ditto.packs.mini.source.template import default_template

PICTURE = np.full((400, 400, 3), 128, np.uint8)


def face(x=200, y=200, pixels=150.0, yaw=0.0, human=True, score=0.9, gap=0.0):
    """The average face around (x, y), turned by so many degrees, its lips so many template units apart."""
    shape = default_template().shape.astype(np.float64).copy()
    shape[14, 1] += gap
    angle = np.radians(yaw)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    points = shape @ turn.T
    flat = points[:468, :2]
    points *= pixels / float(np.ptp(flat, axis=0).max())
    points[:, :2] += (x, y) - points[:468, :2].mean(0)
    return FoundFace(points.astype(np.float32), score, 1.0, human)


class Finder:
    """Finds what it is told to."""

    def __init__(self, *faces, wander=0.002):
        self._faces = sorted(faces, key=lambda f: -f.size)
        self._wander = wander

    def look(self, image, thorough, brief=False):
        return self._faces

    def track(self, image, previous):
        return None

    def refine(self, image, found):
        return found

    def likeness(self, image, found):
        return Likeness(found.score, self._wander)

    def person(self, image):
        return np.ones(image.shape[:2], np.float32)


def analysed(*faces, wander=0.002, **source):
    return MiniAnalyser.of(Finder(*faces, wander=wander), SourceSettings(**source)).analyse(PICTURE, 0)


def told(*faces, **options):
    return " ".join(analysed(*faces, **options).warnings)


def test_an_empty_picture_says_what_is_needed():
    with pytest.raises(NoFaceError, match="no face found; a human face is needed, at least 32 pixels"):
        analysed()


def test_an_animal_is_refused_with_where_it_is_and_how_it_scored():
    with pytest.raises(NoFaceError, match=r"no human face.*150 pixels.*scores 0.71.*at least 0.82.*animal"):
        analysed(face(human=False, score=0.71))


def test_a_person_beside_a_larger_animal_is_taken():
    frame = analysed(face(110, 200, 180, human=False), face(310, 200, 100))
    assert frame.landmarks[:, 0].mean() > 220
    assert frame.warnings == ()


def test_what_lies_behind_a_portrait_is_found_once_when_it_is_analysed():
    look = analysed(face()).appearance
    left, top, right, bottom = look.head.wide_box
    assert look.background.layered.shape == (bottom - top, right - left, 4)


def test_a_tiny_face_is_refused_with_its_size():
    with pytest.raises(NoFaceError, match="only 25 pixels large, at least 32 are needed; crop closer"):
        analysed(face(pixels=25.0))


@pytest.mark.parametrize("yaw", [-56.0, -44.0, 44.0, 56.0])
def test_a_profile_whose_mouth_would_tear_is_refused_with_its_angle(yaw):
    told = rf"turned by {abs(yaw):.0f} degrees, at most 40 .* both corners of the mouth"
    with pytest.raises(NoFaceError, match=told):
        analysed(face(yaw=yaw))


def test_a_turned_head_is_taken_with_a_warning_that_gives_the_angle():
    assert "turned by 35 degrees; above 25" in told(face(yaw=35.0))
    assert "turned" not in told(face(yaw=15.0))


def test_a_turned_head_in_a_video_is_nothing_to_tell_of():
    analyser = MiniAnalyser.of(Finder(face(yaw=35.0)), SourceSettings())
    landmarks, _ = analyser.track(PICTURE, 0)
    assert analyser.measure(PICTURE, 0, landmarks).warnings == ()


def test_a_face_that_the_edge_cuts_off_is_told_of_and_turns_less():
    cut, whole = analysed(face(x=40)), analysed(face(x=80))
    assert "lies beyond the edge of the picture" in " ".join(cut.warnings)
    assert whole.warnings == ()
    assert cut.appearance.freedom < whole.appearance.freedom == 1


def test_what_is_hardly_a_face_is_not_called_an_animal():
    with pytest.raises(NoFaceError, match="no face found; a human face is needed") as refused:
        analysed(face(human=False, score=0.55))
    assert "animal" not in str(refused.value)


def test_a_hidden_mouth_is_told_of():
    assert "hard to make out" in told(face(), wander=0.012)
    assert "hard to make out" not in told(face(), wander=0.004)


def test_a_mouth_wide_open_is_told_of_with_its_width():
    assert "wide open (30 mm)" in told(face(gap=0.25))
    assert "wide open" not in told(face(gap=0.1))


@pytest.mark.parametrize(("gap", "width"), [(0.32, 36), (0.4, 43)])
def test_a_scream_is_refused_with_its_width_and_what_to_choose_instead(gap, width):
    with pytest.raises(NoFaceError, match=f"open by {width} mm, at most 32 .* with the lips shut, or less"):
        analysed(face(gap=gap))


def test_a_scream_in_a_video_is_followed():
    analyser = MiniAnalyser.of(Finder(face(gap=0.4)), SourceSettings())
    landmarks, _ = analyser.track(PICTURE, 0)
    assert analyser.measure(PICTURE, 0, landmarks).warnings == ()


def test_of_several_people_the_largest_is_taken_unless_another_is_asked_for():
    both = face(100, 200, 120), face(300, 200, 90)
    assert "2 faces found; the largest is used" in told(*both)
    assert analysed(*both).landmarks[:, 0].mean() < 150
    assert analysed(*both, face=1).landmarks[:, 0].mean() > 250
    with pytest.raises(NoFaceError, match="face 2 was asked for, but there are 2 faces, numbered from 0"):
        analysed(*both, face=2)


def test_a_lost_face_is_found_again_nearest_to_where_it_was():
    near, far = face(120, 200, 100), face(300, 200, 140)
    followed = FollowedFace(Finder(near, far), SourceSettings())
    assert np.array_equal(followed(PICTURE, near.landmarks + 5), near.landmarks)


def test_a_face_that_leaves_the_picture_is_lost_though_the_mesh_would_follow_it_on():
    finder = Finder()
    finder.track = lambda image, previous: face(previous[:, 0].mean() + 150, 200)
    following = FollowedFace(finder, SourceSettings())
    near = following(PICTURE, face(200, 200).landmarks)
    assert following.followed
    with pytest.raises(NoFaceError):
        following(PICTURE, near)
    assert not following.followed


def test_a_face_is_only_taken_where_it_is_in_the_picture():
    frame = analysed(face(-60, 200, 180), face(310, 200, 100))
    assert frame.landmarks[:, 0].mean() > 220
    with pytest.raises(NoFaceError, match="no face found"):
        analysed(face(-60, 200))
