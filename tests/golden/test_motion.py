import random

import numpy as np
import pytest

from ditto.motion.angles import BINS, Bins, Degrees
from ditto.motion.controls import checked_frames, with_fades
from ditto.motion.frame_order import blink_schedule, mirror_index
from ditto.motion.pose import keypoints, rotation, shift_gaze
from ditto.motion.vector import ANGLES, LENGTH, SourceMotion, from_vector, named_arrays, to_vector
from ditto.reference.conventions import REFERENCE
from tests.motions import motion_parts
from tests.rounding import share


def assert_close(got, expected, relative=1e-5):
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=relative * max(np.abs(expected).max(), 1e-12))


def angle_of(values):
    """The reference tells the two by their shape."""
    return Bins(values) if values.ndim == 2 and values.shape[1] == BINS else Degrees(values)


@pytest.mark.golden("motion_vec", op="dic2arr")
def test_parts_become_the_reference_vector(case):
    info = case.group("info")
    identity = [] if "kp" in case.options["ignore_keys"] else info["kp"].ravel()
    assert_close(np.append(to_vector(motion_parts(info)), identity).astype(np.float32), case.expected["arr"])


@pytest.mark.golden("motion_vec", op="arr2dic")
def test_a_vector_becomes_the_reference_parts(case):
    assert not case.options["ignore_keys"]
    given = case.given["arr"]
    parts = named_arrays(from_vector(given))
    if len(given) > LENGTH:  # the identity travels along behind the motion
        parts["kp"] = given[None, LENGTH:]
    assert {f"info.{name}" for name in parts} == set(case.expected)
    for name, values in parts.items():
        assert_close(values, case.expected[f"info.{name}"])


@pytest.mark.golden("pose", op="bin66_to_degree")
def test_bins_become_degrees(case):
    found, expected = angle_of(case.given["x"]).degrees(), case.expected["deg"]
    assert found.shape == expected.shape
    widest = 3 * 65  # degrees between the first bin and the last, where each degree is a sum over all 66
    np.testing.assert_allclose(found, expected, rtol=0, atol=share(66) * widest)


@pytest.mark.golden("pose", op="get_rotation_matrix")
def test_angles_become_rotation_matrices(case):
    angles = (case.given[name] for name in ("pitch", "yaw", "roll"))
    assert_close(rotation(*angles), case.expected["R"])


@pytest.mark.golden("pose", op="transform_keypoint")
def test_keypoints_are_placed_in_space(case):
    info = case.group("info")
    angles = {name: angle_of(info[name]) for name in ANGLES}
    assert_close(keypoints(SourceMotion(**{**info, **angles})), case.expected["kp"])


@pytest.mark.golden("pose", op="eye_delta")
def test_gaze_is_shifted(case):
    moved = shift_gaze(case.given["exp"], case.options["dx"], case.options["dy"])
    assert_close(moved, case.expected["exp"])


@pytest.mark.golden("indices", op="mirror_index")
def test_indices_bounce(case):
    size = case.options["size"]
    assert [mirror_index(int(i), size) for i in case.given["idx"]] == case.expected["res"].tolist()


@pytest.mark.golden("indices", op="blink_idx")
def test_blinks_fall_on_the_reference_frames(case):
    options = case.options
    rng = random.Random(options["py_random_seed"])
    schedule = blink_schedule(options["N"], options["blink_n"], options["open_n"], rng)
    assert schedule == case.expected["idx"].tolist()


@pytest.mark.golden("setup_nd")
def test_fades_are_written_into_the_controls(case):
    options = case.options
    before = checked_frames(options["ctrl_info"])
    after = with_fades(before, REFERENCE.fade_curve(options["N_d"], options["fade_in"], options["fade_out"]))
    assert sorted(after) == case.expected["frames"].tolist()
    alphas = [after[frame].get("fade_alpha", -1.0) for frame in sorted(after)]
    np.testing.assert_allclose(alphas, case.expected["fade_alpha"], rtol=1e-6)
    for frame, controls in before.items():
        kept = {name: value for name, value in controls.items() if name != "fade_alpha"}
        assert kept.items() <= after[frame].items()
