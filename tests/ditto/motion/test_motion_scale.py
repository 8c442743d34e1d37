"""Motion made larger, quieter, or more like the portrait."""

import numpy as np
import pytest

from ditto.motion.angles import bins_to_degrees, degrees_to_bins
from ditto.motion.motion_scale import FaceRoles, MotionScale, ScaledMotion
from ditto.motion.vector import LENGTH, PLACES
from ditto.stages.messages import Motion

LIP, BROW, LID, HABIT = 20, 40, 39, 51


def mask(*places):
    row = np.zeros(63, np.float32)
    row[list(places)] = 1
    return row


def roles(neutral=0.0, most=np.inf):
    return FaceRoles(
        np.full(63, neutral, np.float32),
        mask(LIP, HABIT),
        mask(HABIT),
        mask(LID),
        np.full(63, most, np.float32),
    )


def motion(index=0, yaw=0.0, **expression):
    vector = np.zeros(LENGTH, np.float32)
    for angle in ("pitch", "yaw", "roll"):
        vector[PLACES[angle]] = degrees_to_bins(np.float32(yaw if angle == "yaw" else 0))
    for place, value in expression.items():
        vector[PLACES["exp"].start + int(place[1:])] = value
    return Motion(0, index, vector)


def drive(wanted, items, neutral=0.0, most=np.inf, zero=None):
    step = ScaledMotion(wanted, roles(neutral, most), zero)
    return [out.vector for item in items for out in step.process(item)]


def yaw_of(vector):
    return float(bins_to_degrees(vector[None, PLACES["yaw"]])[0])


def expression(vector, place):
    return float(vector[PLACES["exp"]][place])


def test_by_default_motion_stays_as_it_is():
    items = [motion(i, yaw=i, p20=0.1 * i, p39=1) for i in range(5)]
    assert np.allclose(drive(MotionScale(), items), [item.vector for item in items], atol=1e-5)


def test_a_factor_makes_the_head_stray_less_from_where_it_began():
    given = drive(MotionScale(yaw=0.1), [motion(0, yaw=5), motion(1, yaw=15)])
    assert [yaw_of(v) for v in given] == pytest.approx([5, 6], abs=0.01)


def test_what_stands_for_no_movement_may_be_told():
    zero = motion(yaw=0).vector
    assert yaw_of(drive(MotionScale(yaw=0.5), [motion(0, yaw=10)], zero=zero)[0]) == pytest.approx(
        5, abs=0.01
    )


def test_lips_are_enlarged_away_from_the_closed_mouth_and_lids_are_not():
    (given,) = drive(MotionScale(expression=2), [motion(p20=0.3, p39=0.5)], neutral=0.1)
    assert expression(given, LIP) == pytest.approx(0.5)  # 0.1 + 2 * 0.2
    assert expression(given, LID) == pytest.approx(0.5)


def test_a_closed_mouth_stays_closed_whatever_the_scale():
    for scale in (0.5, 2):
        (given,) = drive(MotionScale(expression=scale), [motion(p20=0.1)], neutral=0.1)
        assert expression(given, LIP) == pytest.approx(0.1)


def test_an_enlarged_mouth_stays_within_its_limit():
    (given,) = drive(MotionScale(expression=2), [motion(p20=0.3)], most=0.4)
    assert expression(given, LIP) == pytest.approx(0.4)


def test_identity_takes_back_what_lasts_and_leaves_what_is_quick():
    lasting = [motion(i, yaw=8, p51=1.0, p20=float(i % 2)) for i in range(300)]
    given = drive(MotionScale(identity=1), lasting, zero=motion().vector)
    assert expression(given[-1], HABIT) < 0.05
    assert abs(yaw_of(given[-1])) < 0.5
    assert expression(given[-1], LIP) - expression(given[-2], LIP) == pytest.approx(1, abs=0.01)


def test_half_the_identity_takes_back_half():
    lasting = [motion(i, p51=1.0) for i in range(300)]
    assert expression(drive(MotionScale(identity=0.5), lasting)[-1], HABIT) == pytest.approx(1.0)
    moved = drive(MotionScale(identity=0.5), lasting, zero=motion().vector)
    assert expression(moved[-1], HABIT) == pytest.approx(0.5, abs=0.02)


def test_lids_somebody_else_moves_stay_open():
    (given,) = drive(MotionScale(own_blinks=False), [motion(p39=1.0, p20=0.3)])
    assert expression(given, LID) == 0
    assert expression(given, LIP) == pytest.approx(0.3)


def test_what_was_handed_in_is_not_written_to():
    item = motion(yaw=5, p20=0.3)
    before = item.vector.copy()
    drive(MotionScale(yaw=0, expression=2), [item, item])
    assert (item.vector == before).all()
