import io

import pytest

from stream_pipeline.commands.progress import LINE_INTERVAL, ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown():
    """shown(stream, seconds, quiet): what is said of 1000 frames that take so long."""

    def make(stream, seconds, quiet=False):
        moments = (seconds * n / 1000 for n in range(1001))
        bar = ProgressBar(quiet=quiet, stream=stream, clock=lambda: next(moments))
        for done in range(1, 1001):
            bar(done, 1000)
        bar.finish()
        return stream.getvalue()

    return make


def test_on_a_terminal_a_bar_is_drawn_over_itself(shown):
    said = shown(Terminal(), 10)
    assert said.count("\n") == 1 and said.endswith("\n")
    assert "[" + "#" * 24 + "] 1000/1000 frames  100.0 fps     0 s left" in said.rpartition("\r")[2]
    assert 90 <= said.count("\r") <= 101


def test_elsewhere_a_line_comes_now_and_then(shown):
    lines = shown(io.StringIO(), 4 * LINE_INTERVAL).splitlines()
    assert lines[0] == "250/1000 frames 16.7 fps 45 s left"
    assert [line.partition("/")[0] for line in lines] == ["250", "500", "750", "1000"]


def test_short_work_needs_no_line(shown):
    assert shown(io.StringIO(), LINE_INTERVAL / 2) == ""


def test_nothing_is_said_where_that_is_asked_for(shown):
    assert shown(Terminal(), 100, quiet=True) == shown(io.StringIO(), 100, quiet=True) == ""
