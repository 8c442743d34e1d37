"""Head motion by number."""

from itertools import combinations

import numpy as np
import pytest

from ditto.motion.head_styles import FAMILIES, SETTING_IN_SECONDS, STYLES, head_style

FRAMES = range(0, 500, 5)


def path(number, seed=0):
    style = head_style(number, seed)
    return np.array([style.degrees(frame) for frame in FRAMES])


def test_style_0_is_the_packs_own_motion():
    assert head_style(0) is None


def test_a_style_is_the_same_every_time_and_another_with_another_seed():
    assert (path(7) == path(7)).all()
    assert np.abs(path(7) - path(7, seed=1)).max() > 1


def test_all_styles_begin_in_the_portraits_pose():
    assert all(head_style(n).degrees(0) == (0, 0, 0) for n in range(1, STYLES + 1))


def test_every_two_styles_are_told_apart():
    paths = [path(n) for n in range(1, STYLES + 1)]
    assert min(np.abs(a - b).max() for a, b in combinations(paths, 2)) > 1


@pytest.mark.parametrize("family", range(len(FAMILIES)))
def test_sizes_grow_and_tempi_quicken_within_a_family(family):
    first = 1 + 9 * family
    spread = [np.std([path(first + 3 * size + tempo) for tempo in range(3)]) for size in range(3)]
    assert spread == sorted(spread)
    speed = [np.abs(np.diff(path(first + 3 + tempo), axis=0)).mean() for tempo in range(3)]
    assert speed == sorted(speed)


def test_each_family_moves_most_along_its_own_angle():
    strongest = {family.name: path(5 + 9 * n).std(axis=0).argmax() for n, family in enumerate(FAMILIES)}
    pitch, yaw, roll = 0, 1, 2
    assert (strongest["nodding"], strongest["turning"], strongest["tilting"]) == (pitch, yaw, roll)


def test_no_style_turns_a_head_further_than_people_do_or_jumps():
    for number in range(1, STYLES + 1):
        style = head_style(number)
        steps = np.array([style.degrees(frame) for frame in range(250)])
        assert np.abs(steps).max() < 25
        assert np.abs(np.diff(steps, axis=0)).max() < 3.2
    assert SETTING_IN_SECONDS < 2
