"""Motion at another frame rate."""

from fractions import Fraction

import numpy as np
import pytest

from cfg.frame_rates import RATES
from ditto.motion.frame_rate import Retimed, frames_of
from ditto.stages.messages import Motion


def drive(fps, motions, samples):
    step = Retimed(fps, frames_of(samples, fps))
    items = [Motion(0, i, np.full(265, i, np.float32)) for i in range(motions)]
    given = [out for item in items for out in step.process(item)] + list(step.flush())
    assert [m.index for m in given] == list(range(len(given)))
    return [float(m.vector[0]) for m in given]


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("samples", [1, 640, 641, 16_000, 16_001, 100_000])
def test_there_are_as_many_frames_as_the_voice_is_long(fps, samples):
    given = drive(fps, -(-samples // 640), samples)
    assert len(given) == -(-samples * fps // 16_000)


def test_at_twice_the_rate_every_second_frame_lies_half_way():
    assert drive(50, 4, 4 * 640) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3]


def test_at_30_frames_steps_are_even_until_the_last_motion():
    given = drive(30, 25, 16_000)
    assert np.allclose(given[:29], np.arange(29) * 25 / 30, atol=1e-5)
    assert given[29] == 24


def test_at_the_rate_of_a_broadcast_an_hour_ends_where_it_should():
    ntsc = Fraction(30_000, 1001)
    assert frames_of(3600 * 16_000, ntsc) == 107_893  # 107892.1 of them
    given = drive(ntsc, 2500, 100 * 16_000)
    assert np.allclose(given[:-2], np.arange(len(given) - 2) * 25 / float(ntsc), atol=1e-3)


def test_at_24_frames_some_motion_is_left_out():
    assert np.allclose(drive(24, 25, 16_000), np.arange(24) * 25 / 24, atol=1e-5)


def test_the_middle_of_two_closed_mouths_is_a_closed_mouth():
    step = Retimed(60, 5)
    shut = np.zeros(265, np.float32)
    given = [out for i in range(3) for out in step.process(Motion(0, i, shut))]
    assert all((m.vector == 0).all() for m in given)
