import numpy as np
import pytest

from cfg.errors import ConfigError, MediaError, StageError


def test_a_failed_stage_is_named_with_what_it_worked_on_however_long_that_is():
    error = StageError("mine", [np.zeros(9)] * 5_000, ValueError("it broke"))
    assert str(error).startswith("stage 'mine' failed at [array([0., 0.,")
    assert str(error).endswith("…: it broke")
    assert len(str(error)) < 300


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("a.png: it broke\n  in two\n", "a.png: it broke in two"),
        ("'\x1b[31m\0\u202e' is no setting", r"'\x1b[31m\x00\u202e' is no setting"),
        ("odd \udcff name", r"odd \udcff name"),
        ("a  b: größer als 3 Ä", "a  b: größer als 3 Ä"),
    ],
)
def test_an_error_is_one_line_that_cannot_steer_a_terminal(said, line):
    assert str(ConfigError(said)) == line
    assert str(StageError("mine", 3, MediaError(said))) == f"stage 'mine' failed at 3: {line}"
