import numpy as np
import pytest

from ditto.faces.pose import OPEN_LID, SHUT_LID, lid_opening
from ditto.faces.topology import EYES, MILLIMETRES
from ditto.motion.pose import rotation
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.source.template import LINEAR, default_template
from scripts.measure_motion import measure

SCALE = 200.0  # pixels for a template unit


def seen(shape, pitch=0.0, yaw=0.0, roll=0.0, scale=SCALE, shift=(300.0, 200.0, 0.0)):
    """(1, 478, 3) landmarks of a face at a pose, in pixels."""
    turn = rotation(*(np.array([angle]) for angle in (pitch, yaw, roll)))[0]
    return ((shape @ turn) * scale + np.asarray(shift))[None].astype(np.float32)


@pytest.fixture(scope="module")
def template():
    return default_template()


def test_the_average_face_measures_as_no_motion(template):
    found = measure(seen(template.shape))
    assert np.abs([found.pitch, found.yaw, found.roll]).max() < 1e-3
    assert np.abs(found.expression[:, list(LINEAR)]).max() < 1e-3 * METRE


@pytest.mark.parametrize(("pitch", "yaw", "roll"), [(10, 0, 0), (0, -25, 0), (0, 0, 15), (8, 20, -12)])
def test_the_head_pose_is_read_in_degrees(template, pitch, yaw, roll):
    found = measure(seen(template.shape, pitch, yaw, roll))
    assert np.abs(found.pitch - pitch).max() < 0.01
    assert np.abs(found.yaw - yaw).max() < 0.01
    assert np.abs(found.roll - roll).max() < 0.01


def test_the_scale_is_pixels_for_a_metre_and_the_translation_pixels(template):
    near, far = (
        measure(seen(template.shape)),
        measure(seen(template.shape, scale=SCALE / 2, shift=(310, 205, 0))),
    )
    assert near.scale[0] == pytest.approx(SCALE / MILLIMETRES / METRE, rel=1e-3)
    assert far.scale[0] == pytest.approx(near.scale[0] / 2, rel=1e-3)
    assert far.translation[0] - near.translation[0] == pytest.approx([10, 5, 0], abs=0.1)


@pytest.mark.parametrize("number", LINEAR)
def test_each_linear_number_reads_back_from_its_own_displacement(template, number):
    place = LINEAR.index(number)
    face = template.shape + 3.0 * template.basis[place]
    found = measure(seen(face, yaw=12.0)).expression[0, list(LINEAR)] / METRE
    assert found[place] == pytest.approx(3.0, abs=0.6)


def test_the_gap_is_absolute_and_never_negative(template):
    face = template.shape.copy()
    face[14, 1] = face[13, 1] + 7.0 / MILLIMETRES
    assert measure(seen(face)).expression[0, Exp.GAP] == pytest.approx(7.0 * METRE, rel=0.02)
    face[14, 1] = face[13, 1] - 2.0 / MILLIMETRES
    assert measure(seen(face)).expression[0, Exp.GAP] == 0


def test_a_shut_eye_is_a_full_blink_and_an_ordinary_one_none(template):
    for eye, number in zip(EYES, (Exp.BLINK_LEFT, Exp.BLINK_RIGHT), strict=True):
        for opening, blink in ((SHUT_LID, FULL_BLINK), (OPEN_LID, 0.0)):
            face = template.shape.astype(np.float64)
            middle = (face[list(eye.upper[1:-1])] + face[list(eye.lower[1:-1])]) / 2
            half = (face[list(eye.lower[1:-1])] - face[list(eye.upper[1:-1])]) / 2
            half *= opening / lid_opening(face[None], eye)[0]
            face[list(eye.upper[1:-1])], face[list(eye.lower[1:-1])] = middle - half, middle + half
            found = measure(seen(face)).expression[0, number] / METRE
            assert found == pytest.approx(blink, abs=0.2)


def test_gaze_is_millimetres_from_the_middle_of_the_eye(template):
    face = template.shape.copy()
    before = measure(seen(face)).expression[0, Exp.GAZE_X_LEFT]
    face[EYES[0].iris[0], 0] += 2.0 / MILLIMETRES
    assert measure(seen(face)).expression[0, Exp.GAZE_X_LEFT] - before == pytest.approx(2.0 * METRE, rel=0.02)


def test_frames_are_measured_one_by_one(template):
    frames = np.concatenate([seen(template.shape, yaw=yaw) for yaw in (-5.0, 0.0, 5.0)])
    assert measure(frames).yaw == pytest.approx([-5, 0, 5], abs=0.01)
