import dataclasses

import numpy as np
import pytest

from ditto.motion.angles import Bins, Degrees
from ditto.motion.vector import (
    LENGTH,
    WIDTHS,
    computed,
    from_vector,
    named_arrays,
    resting_motion,
    source_motion,
    to_vector,
)


def test_a_vector_survives_the_way_to_parts_and_back():
    vector = np.linspace(-1, 1, LENGTH, dtype=np.float32)
    np.testing.assert_allclose(to_vector(from_vector(vector)), vector, atol=1e-7)


def test_an_all_zero_vector_is_a_head_of_natural_size():
    assert from_vector(np.zeros(LENGTH, np.float32)).scale.item() == 1


def test_the_parts_of_a_vector_may_be_written_without_changing_it():
    vector = np.zeros(LENGTH, np.float32)
    from_vector(vector).exp[:] = 7
    assert not vector.any()


def test_the_vector_of_a_source_is_its_motion_without_its_identity():
    somebody = dataclasses.replace(resting_motion(), kp=np.ones((1, 63), np.float32))
    np.testing.assert_array_equal(to_vector(somebody), to_vector(resting_motion()))


def test_a_motion_survives_the_way_to_named_arrays_and_back():
    arrays = {name: np.full((1, width), n, np.float32) for n, (name, width) in enumerate(WIDTHS.items())}
    back = named_arrays(source_motion(arrays))
    assert back.keys() == arrays.keys()
    assert all(back[name] is arrays[name] for name in arrays)


def test_a_part_that_is_missing_is_named():
    arrays = named_arrays(resting_motion())
    del arrays["t"]
    with pytest.raises(KeyError, match="'t'"):
        source_motion(arrays)


def test_what_is_computed_of_logits_and_degrees_is_logits_and_of_degrees_degrees():
    logits, degrees = Bins(np.ones((1, 66), np.float32)), Degrees(np.full(1, 2, np.float32))
    mixed = computed(np.add, logits, degrees)
    assert isinstance(mixed, Bins) and (mixed.values == 3).all() and mixed.values.shape == (1, 66)
    assert isinstance(computed(np.add, degrees, degrees), Degrees)
    assert isinstance(computed(np.add, np.ones((1, 3)), np.ones((1, 3))), np.ndarray)
