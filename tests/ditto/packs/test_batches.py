"""Warp and decode in batches: what comes out is what comes out one by one, in the same order."""

import dataclasses
from itertools import chain

import numpy as np
import pytest

from ditto.motion.pose import Placement
from ditto.stages.decode import Decode
from ditto.stages.messages import Pose, Warped
from ditto.stages.warp import Warp


class Counting:
    """A warper and decoder that notes how many it was given at once."""

    def __init__(self):
        self.sizes = []

    def __call__(self, *items):
        self.sizes.append(1)
        return self.answer(items[-1])

    def many(self, items):
        self.sizes.append(len(items))
        return [self.answer(item) for item in items]

    def answer(self, item):
        return ("made", item.index if isinstance(item, Pose) else item)


@dataclasses.dataclass
class Source:
    seen: bool = True


@pytest.fixture
def pose():
    def make(index, seen=True):
        none = np.zeros((21, 3), np.float32)
        still = Placement(0, 0, 0, 1, np.zeros(3, np.float32), none)
        return Pose(0, index, Source(seen), none[None], none[None], still, still)

    return make


@pytest.fixture(params=["warp", "decode"])
def stage(request, pose):
    """stage(size): the stage, its role, and what makes its items."""

    def make(size):
        role = Counting()
        if request.param == "warp":
            return Warp(role, size), role, pose
        return Decode(role, size), role, lambda n, seen=True: Warped(0, n, pose(n, seen), n)

    return make


def given(stage, items):
    """What comes out after each item, and at the end."""
    out = [[(r.index, r.payload) for r in stage.process(item)] for item in items]
    return [*out, [(r.index, r.payload) for r in stage.flush()]]


def test_every_item_comes_out_once_and_in_order(stage):
    batched, role, item = stage(4)
    out = given(batched, [item(n) for n in range(10)])
    assert [len(part) for part in out] == [0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 2]
    single, _, _ = stage(1)
    assert list(chain(*out)) == list(chain(*given(single, [item(n) for n in range(10)])))
    assert role.sizes == [4, 4, 2]


def test_frames_without_a_face_take_no_place_in_a_call(stage):
    batched, role, item = stage(3)
    out = given(batched, [item(n, seen=n != 1) for n in range(3)] + [item(3, seen=False)])
    assert [payload is None for part in out for _, payload in part] == [False, True, False, True]
    assert role.sizes == [2]


def test_an_interruption_forgets_what_waits(stage):
    batched, role, item = stage(4)
    given_before = [list(batched.process(item(n))) for n in range(3)]
    batched.interrupt(1)
    assert not any(given_before)
    assert list(batched.flush()) == []
    assert role.sizes == []
