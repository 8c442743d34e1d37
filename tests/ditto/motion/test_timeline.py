import math

import pytest

from cfg.errors import ConfigError
from ditto.motion.timeline import EASES, Curve, Envelope, Key, moment


@pytest.mark.parametrize(
    ("said", "frame"),
    [(12, 12), ("12", 12), ("1.5s", 37.5), ("200ms", 5), ("0.04s", 1), ("2min", 3000), ("1 s", 25),
     ("00:01.200", 30), ("1:30", 2250), ("1:00:00", 90_000)],
)  # fmt: skip
def test_a_moment_is_a_frame_or_a_time_at_25_frames_a_second(said, frame):
    assert moment(said) == frame


@pytest.mark.parametrize(
    "said", [1.5, "soon", "", None, True, -1, "-1s", [1], "1e3s", "25h", "99:99:99", "9" * 4000]
)
def test_what_is_no_moment_is_refused(said):
    with pytest.raises(ConfigError):
        moment(said)


def test_seconds_without_their_unit_are_explained():
    with pytest.raises(ConfigError, match=r"write 1\.5s"):
        moment(1.5)


@pytest.mark.parametrize("name", EASES)
def test_every_ease_begins_and_ends_where_it_should(name):
    assert EASES[name](0.0) == pytest.approx(0, abs=1e-12)
    assert EASES[name](1.0) == pytest.approx(1)


def test_eases_differ_in_their_middle():
    assert EASES["in"](0.5) < EASES["smooth"](0.5) == 0.5 < EASES["out"](0.5)
    assert max(EASES["overshoot"](n / 100) for n in range(100)) == pytest.approx(1.1, abs=0.01)
    assert EASES["hold"](0.99) == 0


def test_a_curve_passes_its_keys_and_holds_beyond_them():
    curve = Curve((Key(10, 2), Key(20, 6, "linear"), Key(30, 0, "hold")))
    assert [curve.at(n) for n in (0, 10, 15, 20, 29.9, 30, 99)] == [2, 2, 4, 6, 6, 0, 0]


def test_an_envelope_rises_stays_and_falls():
    envelope = Envelope.fitting(10, 30, 4, 8, "linear")
    assert [envelope.at(n) for n in (9, 10, 12, 14, 20, 26, 30)] == [0, 0, 0.5, 1, 1, 0.5, 0]


def test_an_envelope_too_short_for_both_still_reaches_its_height():
    envelope = Envelope.fitting(0, 6, 8, 4, "linear")
    assert envelope.at(4) == pytest.approx(1)
    assert envelope.at(5.999) == pytest.approx(0, abs=1e-2)


def test_an_envelope_may_have_no_end():
    assert Envelope.fitting(0, math.inf, 2, 2).at(1e6) == 1
