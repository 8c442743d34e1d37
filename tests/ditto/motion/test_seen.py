"""Controls, gestures and emotions measured on the painted face: what each names changes, the rest not."""

import numpy as np
import pytest

from cfg.settings import EMOTIONS, StitchSettings
from ditto.motion.angles import degrees_to_bins
from ditto.motion.emotion import emotion_weights
from ditto.motion.gestures import GESTURES, Gesture
from ditto.motion.vector import PLACES
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from ditto.packs.mini.motion.lip_readout import OUTPUTS, Readout
from ditto.packs.mini.motion.sampler import MiniSampler

ELSEWHERE = {  # the most that a control may change what it does not name
    "pitch": 3.2, "yaw": 2.0, "roll": 1.5, "size": 0.04, "GAP": 1.0, "WIDTH": 2.6, "CORNER": 2.0, "ASYM": 1.2,
    "BROW_IN": 1.7, "BROW_OUT": 2.0, "BLINK_LEFT": 3.0, "BLINK_RIGHT": 3.0, "GAZE_X_LEFT": 1.7,
    "GAZE_X_RIGHT": 1.7,
}  # fmt: skip
EYES = ("BLINK_LEFT", "BLINK_RIGHT", "GAZE_X_LEFT", "GAZE_X_RIGHT")
MOUTH = ("WIDTH", "CORNER", "ASYM")


def nothing_else(change, *named):
    """Whether all but the named numbers stayed within their bounds; the worst is told."""
    excess = {
        name: round(abs(change[name] - (name == "size")), 2)
        for name, bound in ELSEWHERE.items()
        if name not in named and abs(change[name] - (name == "size")) > bound
    }
    assert not excess


@pytest.mark.parametrize("degrees", [-10, 10])
@pytest.mark.parametrize(("angle", "bound"), [("yaw", 2.0), ("pitch", 3.0), ("roll", 0.6)])
def test_the_head_turns_by_what_is_added_to_its_angle(studio, angle, degrees, bound):
    change = studio.change({f"delta_{angle}": degrees})
    assert change[angle] == pytest.approx(degrees, abs=bound)
    nothing_else(change, angle, *EYES)  # the eyes keep looking where they looked


def test_an_angle_is_multiplied(drawn):
    vector = drawn.still.copy()
    vector[PLACES["roll"]] = degrees_to_bins(8.0)
    whole, half, none = (drawn.change({"alpha_roll": factor}, vector)["roll"] for factor in (1, 0.5, 0))
    assert half == pytest.approx((whole + none) / 2, abs=0.6)
    assert abs(whole - none) > 6


def test_the_head_grows(studio):
    change = studio.change({"alpha_scale": 1.1})
    assert change["size"] == pytest.approx(1.1, abs=0.02)
    nothing_else(change, "size")


def test_the_head_moves_right_and_down_by_millimetres(studio):
    for offset, axis, other in (([0.01, 0, 0], "right", "down"), ([0, 0.01, 0], "down", "right")):
        change = studio.change({"delta_t": offset})
        assert change[axis] == pytest.approx(10 * studio.millimetre, rel=0.1)
        assert abs(change[other]) < 0.15 * change[axis]
        nothing_else(change)


def test_the_brows_rise_and_fall(drawn):
    up, down = drawn.change({"brows": 1}), drawn.change({"brows": -1})
    assert up["BROW_IN"] < -1.5 and up["BROW_OUT"] < -1.5
    assert down["BROW_IN"] > 1.5 and down["BROW_OUT"] > 1.0
    for change in (up, down):
        nothing_else(change, "BROW_IN", "BROW_OUT")


def test_furrowed_brows_come_together(drawn):
    before, after = drawn.painted(), drawn.painted({"furrow": 1})
    inner = [drawn.landmarks(picture)[[107, 336]] for picture in (before, after)]
    lower = (inner[1] - inner[0])[:, 1].mean() / drawn.millimetre
    assert lower > 0.4  # the tracking hardly sees brows move sideways, but sees them come down
    nothing_else(drawn.change({"furrow": 1}), "BROW_IN", "BROW_OUT")


def test_a_smile_widens_the_mouth_and_lifts_its_corners_and_its_opposite_lets_them_fall(studio):
    smile, sad = studio.change({"smile": 1}), studio.change({"smile": -1})
    assert smile["WIDTH"] > 3 and smile["CORNER"] < -1.8
    assert sad["CORNER"] > 2
    for change in (smile, sad):
        nothing_else(change, *MOUTH)


def test_half_a_smile_is_about_half_of_it(drawn):
    half, whole = drawn.change({"smile": 0.5}), drawn.change({"smile": 1})
    assert half["WIDTH"] == pytest.approx(whole["WIDTH"] / 2, rel=0.35)


@pytest.mark.parametrize(("side", "other", "lifted"), [("left", "RIGHT", -1), ("right", "LEFT", 1)])
def test_a_wink_closes_one_eye_wholly_leaves_the_other_and_lifts_the_cheek(drawn, side, other, lifted):
    change = drawn.change({f"wink_{side}": 1})
    assert change[f"BLINK_{side.upper()}"] > 8
    assert abs(change[f"BLINK_{other}"]) < 1.5
    assert change["ASYM"] * lifted > 0.7
    nothing_else(change, *EYES, *MOUTH)


def test_the_other_eye_does_not_blink_through_a_wink_but_both_may_be_winked(drawn):
    change = drawn.change({"wink_left": 1}, drawn.still + exp(BLINK_LEFT=10, BLINK_RIGHT=10))
    assert change["BLINK_LEFT"] > 8 and abs(change["BLINK_RIGHT"]) < 1.5
    both = drawn.change({"wink_left": 1, "wink_right": 1})
    assert min(both["BLINK_LEFT"], both["BLINK_RIGHT"]) > 8


def test_a_blink_closes_both_eyes_and_no_other_blink_opens_them_again(drawn):
    for vector in (None, drawn.still + exp(BLINK_LEFT=10, BLINK_RIGHT=10)):
        change = drawn.change({"blink": 1}, vector)
        assert min(change["BLINK_LEFT"], change["BLINK_RIGHT"]) > 8
        nothing_else(change, *EYES)


@pytest.mark.parametrize("degrees", [-16, 16])
def test_the_eyes_look_to_a_side_while_the_head_stays(drawn, degrees):
    change = drawn.change({"gaze_yaw": degrees})
    sideways = (change["GAZE_X_LEFT"] + change["GAZE_X_RIGHT"]) / 2
    assert -np.sign(degrees) * sideways > 1.2
    nothing_else(change, *EYES)


def test_the_eyes_look_up_and_down_and_the_lids_follow(drawn):
    up, down = drawn.change({"gaze_pitch": -8}), drawn.change({"gaze_pitch": 8})
    assert down["GAZE_Y_LEFT"] - up["GAZE_Y_LEFT"] > 1
    assert down["BLINK_LEFT"] - up["BLINK_LEFT"] > 1
    for change in (up, down):
        nothing_else(change, "BLINK_LEFT", "BLINK_RIGHT")


def test_a_gaze_target_takes_the_place_of_where_the_motion_looks(drawn):
    aside = drawn.still + exp(GAZE_X_LEFT=4, GAZE_X_RIGHT=4)
    assert np.array_equal(drawn.painted({"gaze_yaw": 0}, aside), drawn.painted())
    half = drawn.change({"gaze_yaw": 0, "gaze_hold": 0.5}, aside)["GAZE_X_LEFT"]
    assert 0.3 < half < drawn.change({}, aside)["GAZE_X_LEFT"] - 0.3


def exp(**millimetres):
    """(265,) an expression, to add to a motion."""
    vector = np.zeros(265, np.float32)
    for name, amount in millimetres.items():
        vector[PLACES["exp"].start + Exp[name]] = amount * METRE
    return vector


def test_an_expression_is_made_stronger_or_left_out(drawn):
    talking = drawn.still + exp(GAP=8, JAW=3)
    gaps = [drawn.change({"alpha_exp": factor}, talking)["GAP"] for factor in (0, 0.5, 1, 1.4)]
    assert gaps == sorted(gaps)
    assert gaps[0] < 0.5 and gaps[2] == pytest.approx(8, abs=3)


def test_an_offset_of_the_expression_moves_what_its_number_names(drawn):
    offset = exp(WIDTH=6)[PLACES["exp"]]
    change = drawn.change({"delta_exp": offset})
    assert change["WIDTH"] > 3
    nothing_else(change, "WIDTH")


def test_an_offset_of_the_eyes_cannot_move_the_mouth(drawn):
    offset = exp(WIDTH=8, GAP=8, BLINK_LEFT=10)[PLACES["exp"]]
    change = drawn.change({"delta_eye": offset})
    assert change["BLINK_LEFT"] > 8
    nothing_else(change, *EYES)


def test_without_voice_the_mouth_rests_and_the_eyes_go_on(drawn):
    talking = drawn.still + exp(GAP=9, JAW=4, BLINK_LEFT=10, BLINK_RIGHT=10)
    silent, half = (drawn.change({"vad_alpha": share}, talking) for share in (0, 0.5))
    assert abs(silent["GAP"]) < 0.6 and silent["BLINK_LEFT"] > 8
    assert 2 < half["GAP"] < 7
    nothing_else(silent, *EYES)


def test_a_fade_ends_in_the_portrait_itself(drawn):
    moving = drawn.still + exp(GAP=9, JAW=4, BLINK_LEFT=10)
    moving[PLACES["yaw"]] = degrees_to_bins(9.0)
    settings = StitchSettings(fade_type="s", fade_keys=None)
    assert np.array_equal(drawn.painted({"fade_alpha": 0}, moving, settings), drawn.image)
    half, whole = (drawn.change({"fade_alpha": alpha}, moving, settings) for alpha in (0.5, 1))
    assert half["yaw"] == pytest.approx(whole["yaw"] / 2, abs=1.5)
    assert half["GAP"] == pytest.approx(whole["GAP"] / 2, abs=1.5)


PEAKS = {  # what is seen at the height of a gesture, and what else it may move
    "nod": (0.42, {"pitch": (4, 12)}, EYES),
    "shake": (0.42, {"yaw": (-11, -5)}, EYES),
    "tilt_left": (0.5, {"roll": (-9, -7)}, EYES),
    "tilt_right": (0.5, {"roll": (7, 9)}, EYES),
    "turn_left": (0.5, {"yaw": (8, 16)}, EYES),
    "turn_right": (0.5, {"yaw": (-16, -8)}, EYES),
    "lean_in": (0.5, {"size": (1.06, 1.1)}, EYES),
    "lean_back": (0.5, {"size": (0.92, 0.96)}, EYES),
    "look_left": (0.5, {"GAZE_X_LEFT": (-6, -1)}, ("yaw", *EYES)),
    "look_right": (0.5, {"GAZE_X_LEFT": (1, 6)}, ("yaw", *EYES)),
    "look_up": (0.5, {"GAZE_Y_LEFT": (-4, -0.6)}, EYES),
    "look_down": (0.5, {"GAZE_Y_LEFT": (0.3, 4)}, EYES),
    "blink": (0.42, {"BLINK_LEFT": (8, 16), "BLINK_RIGHT": (8, 16)}, EYES),
    "wink_left": (0.4, {"BLINK_LEFT": (8, 16), "BLINK_RIGHT": (-1.5, 1.5)}, (*EYES, *MOUTH)),
    "wink_right": (0.4, {"BLINK_RIGHT": (8, 16), "BLINK_LEFT": (-1.5, 1.5)}, (*EYES, *MOUTH)),
    "smile": (0.5, {"WIDTH": (2.5, 9), "CORNER": (-5, -1.2)}, MOUTH),
    "frown": (0.5, {"CORNER": (1.5, 6), "BROW_IN": (0.8, 5)}, (*MOUTH, "BROW_OUT")),
    "raise_brows": (0.5, {"BROW_IN": (-5, -1.2), "BROW_OUT": (-5, -1.2)}, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", GESTURES)
def test_a_gesture_shows_what_it_is_called_and_nothing_else(drawn, name):
    share, seen, besides = PEAKS[name]
    made = Gesture.of(name, 0.0)
    change = drawn.change(made.at(share * made.length))
    for number, (low, high) in seen.items():
        assert low < change[number] < high
    nothing_else(change, *seen, *besides)


@pytest.fixture(scope="module")
def felt(studios):
    """felt(emotion, intensity): what is seen of it while nobody speaks, beside the neutral face."""
    drawn = studios["drawn_woman"]
    deaf = Readout(np.zeros((4, OUTPUTS), np.float32), np.zeros(OUTPUTS, np.float32))

    def motion(shares):
        rows = np.concatenate([np.zeros((80, 4), np.float32), np.tile(shares, (80, 1))], axis=1)
        sampler = MiniSampler(deaf, drawn.still, overlap=10)
        return sampler.sample(drawn.still, rows.astype(np.float32), np.random.default_rng(3))

    calm = emotion_weights([EMOTIONS.index("Neutral")])
    lids = motion(calm)[:, PLACES["exp"].start + Exp.BLINK_LEFT]
    frame = int(np.argmin(np.abs(lids[30:]))) + 30  # between two blinks

    def seen(emotion, intensity=1.0):
        shares = emotion_weights([EMOTIONS.index(emotion)]) * intensity + calm * (1 - intensity)
        after, before = drawn.change({}, motion(shares)[frame]), drawn.change({}, motion(calm)[frame])
        return {name: after[name] - before[name] for name in after}

    return seen


SHOWN = {
    "Angry": {"BROW_IN": (1.5, 9), "CORNER": (0.8, 6)},
    "Disgust": {"SNEER": (-9, -1), "CORNER": (0.5, 6), "BROW_IN": (0.6, 6)},
    "Fear": {"BROW_IN": (-8, -1.5), "GAP": (0.4, 4), "WIDTH": (1, 8)},
    "Happy": {"WIDTH": (4, 12), "CORNER": (-7, -2)},
    "Neutral": {"BROW_IN": (-0.1, 0.1), "WIDTH": (-0.1, 0.1)},
    "Sad": {"BROW_IN": (-8, -1.2), "CORNER": (1.5, 7), "BLINK_LEFT": (0.5, 5)},
    "Surprise": {"BROW_IN": (-8, -1.5), "BROW_OUT": (-8, -1.5), "GAP": (2.5, 8)},
    "Contempt": {"ASYM": (1.2, 5)},
}  # fmt: skip


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_an_emotion_shows_in_the_face_and_leaves_the_head_alone(felt, emotion):
    change = felt(emotion)
    for number, (low, high) in SHOWN[emotion].items():
        assert low <= change[number] <= high
    assert max(abs(change["yaw"]), abs(change["roll"]), abs(change["pitch"])) < 4.5
    assert abs(change["right"]) + abs(change["down"]) < 8


def test_half_an_emotion_shows_about_half(felt):
    half, whole = felt("Happy", 0.5), felt("Happy")
    assert half["WIDTH"] == pytest.approx(whole["WIDTH"] / 2, rel=0.3)
