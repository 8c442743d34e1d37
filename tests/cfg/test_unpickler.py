"""The pickle machine: what it reads, and what it refuses before anything is made of it."""

import pickle
import struct
import time
from collections import OrderedDict

import numpy as np
import pytest

from cfg.unpickled_arrays import MAKERS, SYMBOLS
from cfg.unpickler import MAX_CONTAINER_DEPTH, Refused, read_data


def read(data):
    return read_data(data, MAKERS, SYMBOLS)


class Calls:
    """Pickled as a call of a function, and the state set on what it gives."""

    def __init__(self, function, *arguments, state=None):
        self.given = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.given


def doubled(times):
    """A list of pairs, each of them twice the one before."""
    return b"\x80\x02(]q\0" + b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(times)) + b"l."


def array_of(dtype, shape, raw):
    reconstruct = np.zeros(1).__reduce__()[0]
    return Calls(reconstruct, np.ndarray, (0,), b"b", state=(1, shape, dtype, False, raw))


def record_with_an_object_in_it():
    """A dtype whose flags deny that eight bytes of it are the address of an object."""
    state = (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)
    return Calls(np.dtype, "V8", False, True, state=state)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["b1", "i1", "u2", "<i4", ">i8", "f2", ">f4", "f8"])
def test_an_array_of_numbers_is_the_same_whatever_the_protocol(protocol, kind):
    for array in (np.arange(6).reshape(2, 3).astype(kind), np.zeros((0, 3), kind), np.array(7, kind)):
        for laid in (array, np.asfortranarray(array)):
            found = read(pickle.dumps(laid, protocol))
            np.testing.assert_array_equal(found, laid)
            assert found.dtype == laid.dtype.newbyteorder("=")


@pytest.mark.parametrize("protocol", range(6))
def test_plain_containers_are_the_same_whatever_the_protocol(protocol):
    shared = [1]
    value = {
        "numbers": [0, -1, 255, 65536, 2**40, -(2**40), 1.5, True, False, None],
        "text": ("", "ü", "x" * 300, b"", b"\xff", (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "group": OrderedDict([("a", {1: shared, None: shared})]),
        "set": {1, "a"},
        "slice": slice(1, None, 2),
        "number": np.float32(1.5),
    }
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_forged_kind_of_array_makes_no_object_of_an_address(protocol):
    address = struct.pack("<Q", 0x4141414141414141)
    scalar = np.float64(1).__reduce__()[0]
    for forged in (
        array_of(record_with_an_object_in_it(), (1,), address),
        Calls(scalar, record_with_an_object_in_it(), address),
        array_of(np.dtype("O"), (1,), [1]),
        array_of(np.dtype("V8"), (1,), address),
        array_of(np.dtype("U2"), (1,), address),
        array_of(np.dtype("M8[s]"), (1,), address),
    ):
        with pytest.raises(Refused, match="other than plain numbers"):
            read(pickle.dumps({"a": forged}, protocol))


@pytest.mark.parametrize(
    ("shape", "raw"),
    [
        ((2**40,), b""),
        ((2**40, 2**40), b"12345678"),
        ((-1,), b"12345678"),
        ((2,), b"1234567"),
        ([8], b"12345678"),
    ],
)
def test_an_array_larger_than_its_bytes_is_refused_before_it_is_made(shape, raw):
    with pytest.raises(Refused, match="array"):
        read(pickle.dumps(array_of(np.dtype("u1"), shape, raw)))


HOSTILE = {
    "a call": b"cposix\nsystem\n(S'true'\ntR.",
    "a class": b"\x80\x02cbuiltins\nobject\n)\x81.",
    "a name alone": b"cnumpy\nndarray\n.",
    "bytes of a size": b"\x80\x03cbuiltins\nbytes\n\x8a\x05\0\0\0\0\x10\x85R.",
    "an object outside": b"\x80\x02U\x01aQ.",
    "a place far away": b"\x80\x02r\xff\xff\xff\x7f.",
    "a long text that is not there": b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"abc.",
    "a number of many bytes": b"\x80\x02\x8b" + struct.pack("<I", 10**6) + b"\x01" * 10**6 + b".",
    "a number of many digits": b"I" + b"1" * 2_000_000 + b"\n.",
    "marks": b"(" * 2_000_000 + b".",
    "lists in lists": b"\x80\x02" + b"]" * 400_000 + b"a" * 399_999 + b".",
    "tuples in tuples as a key": b"\x80\x02})" + b"\x85" * 400_000 + b"K\x01s.",
    "a list in itself": b"\x80\x02]q\0h\0a.",
    "an array in itself": b"\x80\x02cnumpy\ndtype\n)Rq\0h\0b.",
    "doubled thirty times": doubled(30),
    "values missing": b"\x80\x02\x86.",
    "values of another's mark": b"\x80\x02K\x01(\x85.",
    "a mark that is not there": b"\x80\x02t.",
    "an odd group": b"\x80\x02}(K\x01u.",
    "a group as a key": b"\x80\x02}}K\x01s.",
    "a set of lists": pickle.dumps({1}, 2).replace(b"K\x01", b"]"),
    "an unknown codec": b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x04\0\0\0zlib\x86R.",
    "an extension": b"\x80\x02\x82\x01.",
    "nothing": b"",
    "no end": b"\x80\x04",
    "two values": b"\x80\x04NN.",
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_pickle_is_refused_at_once(case):
    began = time.perf_counter()
    with pytest.raises(Refused):
        read(HOSTILE[case])
    assert time.perf_counter() - began < 10


def test_bytes_that_are_made_again_and_again_have_a_bound():
    text = b"X" + struct.pack("<I", 10**6) + b"a" * 10**6 + b"q\0"
    call = b"c_codecs\nencode\nh\0\x85R"
    with pytest.raises(Refused, match="bytes of data"):
        read(b"\x80\x02]" + text + b"a" + b"(" + call * 100 + b"e.")


def test_the_deepest_that_is_read():
    value = 1
    for _ in range(MAX_CONTAINER_DEPTH):
        value = [value]
    assert read(pickle.dumps(value)) == value
    with pytest.raises(Refused, match="deep"):
        read(pickle.dumps([value]))
