import dataclasses
import resource

import numpy as np
import pytest

from cfg.errors import MediaError
from ditto.motion.vector import resting_motion
from ditto.source.avatar import SourceFrame
from ditto.source.measurements import Measurements


@pytest.fixture
def frame():
    """frame(index): a measured frame of nothing."""
    ones = np.ones(6, np.float32)

    def make(index):
        motion = dataclasses.replace(resting_motion(), exp=np.full((1, 63), index, np.float32))
        return SourceFrame(index, np.zeros((8, 8, 3), np.uint8), motion, None, ones)

    return make


def test_frames_come_back_as_they_were_measured(frame):
    known = Measurements()
    for index in range(3):
        known.add(index, frame(index))
    back = known.read(1, frame(0))
    known.close()
    assert (back.index, float(back.motion.exp[0, 0])) == (1, 1.0)


def test_a_full_folder_of_temporary_files_is_named_and_closes_in_silence(frame):
    known = Measurements()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(MediaError, match=r"cannot be written \(File too large\).*TMPDIR"):
            for index in range(9):
                known.add(index, frame(index))
        known.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_error_calls_a_frame_by_its_number(frame):
    assert str(frame(7)) == "frame 7"
