import numpy as np

from cfg.errors import StageError


def test_a_failed_stage_is_named_with_what_it_worked_on_however_long_that_is():
    error = StageError("mine", [np.zeros(9)] * 5_000, ValueError("it broke"))
    assert str(error).startswith("stage 'mine' failed at [array([0., 0.,")
    assert str(error).endswith("…: it broke")
    assert len(str(error)) < 300
