import numpy as np
import pytest

from ditto.motion.vector import LENGTH, from_vector, to_vector


@pytest.mark.parametrize("length", [265, 328])
def test_a_vector_survives_the_way_to_parts_and_back(length):
    vector = np.linspace(-1, 1, length, dtype=np.float32)
    np.testing.assert_allclose(to_vector(from_vector(vector)), vector, atol=1e-7)


def test_an_all_zero_vector_is_a_head_of_natural_size():
    assert from_vector(np.zeros(LENGTH, np.float32))["scale"].item() == 1


def test_the_parts_of_a_vector_may_be_written_without_changing_it():
    vector = np.zeros(LENGTH, np.float32)
    from_vector(vector)["exp"][:] = 7
    assert not vector.any()
