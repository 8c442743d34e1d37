import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from cfg.settings import SourceSettings
from ditto import bundled
from ditto.faces.finder import FaceFinder
from ditto.faces.topology import MILLIMETRES
from ditto.motion.pose import placement
from ditto.packs.mini.motion.expression_numbers import EYES, FULL_BLINK, LIPS, METRE, Exp
from ditto.packs.mini.paint.decoder import MiniDecoder
from ditto.packs.mini.paint.warper import MiniWarper
from ditto.packs.mini.source.analyser import MiniAnalyser
from ditto.stages.messages import Pose
from scripts.measure_motion import measure

EXAMPLES = Path(__file__).parents[4] / "examples"
STILL = np.zeros((1, 21, 3), np.float32)


class Portrait:
    """A picture, and what becomes of it."""

    def __init__(self, finder, name):
        self.image = np.ascontiguousarray(cv2.imread(str(EXAMPLES / name))[..., ::-1])
        self.finder = finder
        self.source = MiniAnalyser.of(finder, SourceSettings()).analyse(self.image, 0)
        self.rest = placement(self.source.motion)
        self._parts = MiniWarper(), MiniDecoder()

    def pose(self, turned=None, **millimetres):
        """`turned`: degrees added to pitch, yaw or roll; gap absolute, other numbers added."""
        expression = self.rest.expression.reshape(63).copy()
        for name, amount in millimetres.items():
            place = Exp[name]
            expression[place] = amount * METRE + (0 if place == Exp.GAP else expression[place])
        angles = {name: getattr(self.rest, name) + degrees for name, degrees in (turned or {}).items()}
        drive = dataclasses.replace(self.rest, expression=expression.reshape(21, 3), **angles)
        return Pose(0, 0, self.source, STILL, STILL, self.rest, drive)

    def painted(self, pose):
        warper, decoder = self._parts
        return decoder(pose, warper(pose))

    def moved(self, turned=None, **millimetres):
        return self.painted(self.pose(turned, **millimetres))

    def seen(self, picture):
        """What a fresh look at a picture of this person measures."""
        return measure(self.landmarks(picture)[None])

    def landmarks(self, picture):
        return self.finder.refine(picture, self.finder.find(picture)[0], views=4).landmarks

    def millimetres(self, picture, name):
        return float(self.seen(picture).expression[0, Exp[name]] / METRE)


@pytest.fixture(scope="module")
def finder():
    return FaceFinder.open(bundled.FOLDER)


@pytest.fixture(scope="module")
def portraits(finder):
    return {name: Portrait(finder, f"{name}.jpg") for name in ("astronaut", "grace_hopper")}


@pytest.fixture(params=["astronaut", "grace_hopper"])
def portrait(portraits, request):
    return portraits[request.param]


def test_without_motion_the_source_comes_back_bit_for_bit(portrait):
    assert np.array_equal(portrait.painted(portrait.pose()), portrait.image)


def test_every_frame_is_a_new_picture_and_the_source_is_not_written_into(portrait):
    before = portrait.image.copy()
    still, moving, again = portrait.moved(), portrait.moved(GAP=10, JAW=8), portrait.moved(GAP=10, JAW=8)
    assert np.array_equal(portrait.image, before)
    assert not any(np.shares_memory(one, portrait.image) for one in (still, moving))
    assert not np.shares_memory(moving, again)


def test_the_same_pose_gives_the_same_bits(portrait):
    first = portrait.moved({"yaw": 4.0}, GAP=9, JAW=6, BLINK_LEFT=5)
    portrait.moved({"yaw": -9.0}, GAP=2)
    assert np.array_equal(portrait.moved({"yaw": 4.0}, GAP=9, JAW=6, BLINK_LEFT=5), first)


def test_pixels_outside_the_moving_box_are_the_sources(portrait):
    picture = portrait.moved({"yaw": 12.0, "pitch": 6.0, "roll": 8.0}, GAP=14, JAW=12)
    left, top, right, bottom = portrait.source.appearance.head.box
    outside = np.ones(picture.shape[:2], bool)
    outside[top:bottom, left:right] = False
    assert np.array_equal(picture[outside], portrait.image[outside])


def test_speaking_leaves_the_corners_of_the_picture_alone(portrait):
    picture = portrait.moved(GAP=12, JAW=9, LOW_LIP=4)
    assert np.array_equal(picture[:20, :20], portrait.image[:20, :20])
    assert np.array_equal(picture[-20:, -20:], portrait.image[-20:, -20:])


def test_a_wider_gap_is_measured_as_wide_as_it_was_asked_for(portrait):
    gaps = [portrait.millimetres(portrait.moved(GAP=gap, JAW=gap * 0.4), "GAP") for gap in (4, 8, 12, 16)]
    assert gaps == sorted(gaps)
    assert gaps[2] == pytest.approx(12, rel=0.25)


def test_lips_come_apart_no_further_than_mouths_open(portrait):
    assert np.array_equal(portrait.moved(GAP=100), portrait.moved(GAP=1e6))


def test_no_gap_is_a_shut_mouth(portraits):
    portrait = portraits["grace_hopper"]
    landmarks = portrait.landmarks(portrait.moved(GAP=0))
    found = measure(landmarks[None])
    gap = float(found.expression[0, Exp.GAP] * found.scale[0])
    assert gap < 0.02 * np.ptp(landmarks[:468, 1])


def test_no_gap_takes_the_teeth_out_of_a_smile(portraits):
    portrait = portraits["astronaut"]
    lips = [78, 308, 13, 14]
    left, right, upper, lower = portrait.landmarks(portrait.image)[lips, :2]
    around = (slice(int(upper[1]), int(lower[1]) + 1), slice(int(left[0]) + 6, int(right[0]) - 5))
    bright = [
        int((picture[around].min(2) > 180).sum()) for picture in (portrait.image, portrait.moved(GAP=0))
    ]
    assert bright[0] > 50
    assert bright[1] < 0.5 * bright[0]  # a highlight on the lip may stay


def test_teeth_behind_lips_hardly_apart_are_no_white_bar(portraits):
    portrait = portraits["grace_hopper"]
    cheek = portrait.source.appearance.head.points[[50, 280], :2].astype(int)
    skin = np.mean([portrait.image[y - 3 : y + 4, x - 3 : x + 4] for x, y in cheek])
    brightest = []
    for gap in (4, 14):
        pose = portrait.pose(GAP=gap)
        (x, upper), (_, lower) = MiniWarper()(pose).placed.vertices[[13, 14]]
        inside = portrait.painted(pose)[int(upper) : int(lower) - 2, int(x) - 6 : int(x) + 7].mean(2)
        brightest.append(np.percentile(inside, 90) / skin)
    assert 0.5 < brightest[0] < 1.15
    assert brightest[1] > brightest[0] + 0.1  # an open mouth shows them lit


def test_a_smile_shows_its_teeth_up_to_a_lip_that_is_raised(portraits):
    portrait = portraits["astronaut"]
    gap = float(portrait.rest.expression.reshape(63)[Exp.GAP]) / METRE
    pose = portrait.pose(GAP=gap + 3, UP_LIP=-6)
    (x, upper), (_, lower) = MiniWarper()(pose).placed.vertices[[13, 14]]
    column = portrait.painted(pose)[int(upper) + 3 : int(lower), int(x) - 5 : int(x) + 6]
    assert column.min(2).mean(1)[:3].min() > 125  # no dark gap above them


@pytest.mark.parametrize("angle", ["yaw", "pitch", "roll"])
@pytest.mark.parametrize("degrees", [-10.0, 10.0])
def test_the_head_turns_by_about_the_angle_asked_for(portrait, angle, degrees):
    before = float(getattr(portrait.seen(portrait.image), angle)[0])
    after = float(getattr(portrait.seen(portrait.moved({angle: degrees})), angle)[0])
    assert after - before == pytest.approx(degrees, abs=4)


def test_the_mouth_widens_and_narrows(portrait):
    wide = portrait.millimetres(portrait.moved(WIDTH=8), "WIDTH")
    own = portrait.millimetres(portrait.image, "WIDTH")
    narrow = portrait.millimetres(portrait.moved(WIDTH=-8), "WIDTH")
    assert narrow < own < wide - 1  # a smile is narrowed less


def test_a_blink_lowers_the_lids_of_its_own_eye(portraits):
    portrait = portraits["astronaut"]  # no glasses to mislead the measurement
    for number, other in ((Exp.BLINK_LEFT, Exp.BLINK_RIGHT), (Exp.BLINK_RIGHT, Exp.BLINK_LEFT)):
        before = portrait.seen(portrait.image).expression[0] / METRE
        after = portrait.seen(portrait.moved(**{number.name: FULL_BLINK})).expression[0] / METRE
        assert after[number] - before[number] > 0.4 * FULL_BLINK
        assert after[number] - before[number] > 2 * abs(after[other] - before[other])


@pytest.mark.parametrize("sign", [-1, 1])
def test_absurd_numbers_still_give_a_picture(portrait, sign):
    far = {number.name: sign * 10 * 15.0 for number in (*LIPS, *EYES)}
    picture = portrait.moved({"yaw": sign * 300.0, "pitch": sign * 200.0, "roll": sign * 400.0}, **far)
    assert picture.shape == portrait.image.shape
    assert picture.dtype == np.uint8


def test_a_huge_shift_and_growth_still_give_a_picture(portrait):
    pose = portrait.pose(GAP=200)
    drive = dataclasses.replace(pose.drive, scale=40.0, translation=np.full(3, 9.0, np.float32))
    assert portrait.painted(dataclasses.replace(pose, drive=drive)).shape == portrait.image.shape


def test_a_face_at_the_edge_of_its_picture_is_painted_as_well(finder, portraits):
    whole = portraits["astronaut"]
    left, top, right, bottom = np.concatenate(
        [whole.source.landmarks[:, :2].min(0) - 6, whole.source.landmarks[:, :2].max(0) + 6]
    ).astype(int)
    close = np.ascontiguousarray(whole.image[top:bottom, left:right])
    source = MiniAnalyser.of(finder, SourceSettings()).analyse(close, 0)
    rest = placement(source.motion)
    expression = rest.expression.copy()
    expression.reshape(63)[Exp.GAP] = 12 * METRE
    drive = dataclasses.replace(rest, yaw=rest.yaw + 15, expression=expression)
    pose = Pose(0, 0, source, STILL, STILL, rest, drive)
    picture = MiniDecoder()(pose, MiniWarper()(pose))
    assert picture.shape == close.shape
    assert not np.array_equal(picture, close)


def test_a_source_without_a_background_mask_moves_too(portraits):
    known = portraits["astronaut"]
    bare = dataclasses.replace(known.source.appearance, background=None)
    pose = known.pose({"yaw": 6.0}, GAP=8)
    pose = dataclasses.replace(pose, source=dataclasses.replace(known.source, appearance=bare))
    picture = MiniDecoder()(pose, MiniWarper()(pose))
    assert known.millimetres(picture, "GAP") == pytest.approx(8, abs=3)


def test_the_millimetre_is_that_of_the_face(portrait):
    head = portrait.source.appearance.head
    eyes = np.linalg.norm(head.points[33] - head.points[263])
    assert head.millimetre == pytest.approx(eyes / MILLIMETRES, rel=0.15)
