"""Stage 9: finished pictures leave for a file, a caller or a queue."""

import numpy as np
import pytest

from cfg.errors import MediaError
from ditto.media.sink import Callback
from ditto.stages.messages import Picture
from ditto.stages.writer import Writer


class Kept:
    """A sink that remembers what it was given."""

    def __init__(self):
        self.indices = []
        self.ended = []

    def write(self, image, index):
        self.indices.append(index)

    def close(self):
        self.ended.append("close")

    def abort(self):
        self.ended.append("abort")


def pictures(*indices, turn=0):
    return [Picture(turn, index, np.zeros((2, 2, 3), np.uint8)) for index in indices]


def drive(writer, items):
    return [out for item in items for out in writer.process(item)]


def test_pictures_are_written_in_order_and_handed_on():
    sink = Kept()
    writer, given = Writer(sink), pictures(0, 1, 2)
    assert drive(writer, given) == given
    assert sink.indices == [0, 1, 2]
    assert writer.written == 3


@pytest.mark.parametrize("indices", [(1,), (0, 0), (0, 2)])
def test_a_gap_or_a_repeat_is_an_error(indices):
    with pytest.raises(ValueError, match=f"frame {indices[-1]} arrived where frame"):
        drive(Writer(Kept()), pictures(*indices))


def test_the_next_turn_begins_at_0_but_the_file_goes_on():
    sink = Kept()
    writer = Writer(sink)
    drive(writer, pictures(0, 1))
    writer.interrupt(1)
    drive(writer, pictures(0, 1, turn=1))
    assert sink.indices == [0, 1, 2, 3]


def test_a_picture_is_handed_on_only_once_it_is_written():
    class Full(Kept):
        def write(self, image, index):
            raise OSError("disk full")

    writer = Writer(Full())
    with pytest.raises(OSError, match="disk full"):
        drive(writer, pictures(0))
    assert writer.written == 0


def test_closing_the_sink_is_left_to_its_owner():
    sink = Kept()
    writer = Writer(sink)
    drive(writer, pictures(0))
    assert list(writer.flush()) == []
    assert sink.ended == []


def test_a_function_can_receive_the_pictures():
    received = []
    sink = Callback(lambda image, index: received.append((image.shape, index)))
    drive(Writer(sink), pictures(0, 1))
    sink.close()
    sink.abort()
    assert received == [((2, 2, 3), 0), ((2, 2, 3), 1)]


@pytest.mark.parametrize(
    "image",
    [None, np.full((2, 2, 3), np.nan, np.float32), np.zeros((2, 2), np.uint8)],
    ids=["none", "nan", "grey"],
)
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(
        MediaError, match=r"the picture is .*, but must be \(height, width, 3 or 4\) of uint8"
    ):
        drive(Writer(Kept()), [Picture(0, 0, image)])
