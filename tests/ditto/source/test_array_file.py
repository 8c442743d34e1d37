"""Files of arrays, read within limits."""

import io
import zipfile

import numpy as np
import pytest

from cfg.errors import MediaError
from ditto.source.array_file import read_arrays, write_arrays


def written(path, **arrays):
    with path.open("wb") as file:
        write_arrays(file, arrays)
    return path


def forged(path, header, data=bytes(24)):
    """A file with an array of that header."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", file.getvalue() + data)
    return path


def test_arrays_come_back(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(["x", "yz"]), "c": np.zeros(0)}
    arrays["d"] = np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3))
    back = read_arrays(written(tmp_path / "a", **arrays))
    assert back["d"].flags.f_contiguous and back["a"].flags.c_contiguous
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


@pytest.mark.parametrize("shape", [(10**12,), (10**6, 10**6), (7,), (-6,), (1,) * 9])
def test_an_array_that_claims_another_size_is_refused_before_it_is_made(tmp_path, shape):
    path = forged(tmp_path / "a", {"descr": "<f4", "fortran_order": False, "shape": shape})
    with pytest.raises(MediaError, match="'a' is"):
        read_arrays(path)


@pytest.mark.parametrize("kind", ["|O", "|V24", ">f4"])
def test_an_array_of_anything_but_numbers_and_text_is_refused(tmp_path, kind):
    path = forged(tmp_path / "a", {"descr": kind, "fortran_order": False, "shape": (1,)})
    with pytest.raises(MediaError, match="'a' is of type"):
        read_arrays(path)


def test_a_compressed_file_is_refused_as_its_size_says_nothing(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(10_000_000, np.uint8))
    with pytest.raises(MediaError, match="'a' is compressed"):
        read_arrays(tmp_path / "a.npz")


def test_a_file_of_too_many_arrays_is_refused(tmp_path):
    with pytest.raises(MediaError, match="are too many"):
        read_arrays(written(tmp_path / "a", **{f"a{number}": np.zeros(1) for number in range(257)}))
