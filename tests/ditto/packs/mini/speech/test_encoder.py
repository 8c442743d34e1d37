from collections import deque
from pathlib import Path

import numpy as np
import pytest

from cfg.errors import ConfigError
from ditto.packs.mini.speech.encoder import (
    MIN_PEAK_LOG10,
    TAPS,
    WIDTH,
    LogMel,
    WhisperStream,
    mel_filters,
)
from model_formats.onnx_file import OnnxFile

ENCODER = Path(__file__).parents[5] / "checkpoints" / "mini" / "speech_encoder.onnx"


class Ear:
    """An encoder that repeats the log-mel: of every second column asked for, the 80 bands and then zeros."""

    def __init__(self, keeps=True):
        self.windows = []
        self._keeps = keeps

    def run(self, feeds):
        mel = feeds["mel"]
        if self._keeps:
            self.windows.append(mel)
        heard = np.zeros((1, mel.shape[2] // 2, WIDTH), np.float32)
        heard[:, :, :80] = mel[:, :, ::2].transpose(0, 2, 1)
        first, end = feeds["wanted"]
        return {"features": heard[:, first:end]}


def noise(samples, seed=0):
    return (np.random.default_rng(seed).normal(size=samples) * 0.1).astype(np.float32)


def in_pieces(stream, sound, sizes):
    cuts = np.cumsum(sizes)
    rows = [stream.push(piece) for piece in np.split(sound, cuts[cuts < len(sound)])]
    return np.concatenate([*rows, stream.flush()])


def log_mel(sound):
    mel = LogMel()
    return np.concatenate([mel(frame) for frame in sound.reshape(-1, 640)], axis=1)


def unscaled(mel):
    return mel * 4 - 4


@pytest.fixture(scope="module")
def encoder():
    opened = OnnxFile(ENCODER, threads=1)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "framing",
    [
        {},
        {"hop": 25, "lookahead": 25, "past": 50},
        {"hop": 1, "lookahead": 0, "past": 0},
        {"hop": 3, "lookahead": 0, "past": 5},
        {"hop": 1, "lookahead": 7},
    ],
)
def test_every_40_ms_begun_have_a_row(framing):
    stream = WhisperStream(Ear(), **framing)
    for samples in (0, 1, 639, 640, 641, 1920, 3199, 3200, 3201, 5760, 5761, 16_000, 44_444):
        rows = len(stream.push(noise(samples))) + len(stream.flush())
        assert rows == -(-samples // 640), samples


def test_the_pieces_a_voice_comes_in_do_not_change_a_bit(encoder):
    sound = noise(30_000)
    whole = in_pieces(WhisperStream(encoder), sound, [])
    rng = np.random.default_rng(1)
    for largest in (50, 700, 9_000):
        sizes = rng.integers(0, largest, size=2 * len(sound) // largest + 100)
        assert np.array_equal(in_pieces(WhisperStream(encoder), sound, sizes), whole)


@pytest.mark.parametrize("ended_by", ["flush", "reset"])
def test_an_utterance_leaves_no_trace_in_the_next(ended_by):
    first, second = noise(10_123, seed=1) * 9, noise(20_000, seed=2)
    fresh = in_pieces(WhisperStream(Ear()), second, [])
    used = WhisperStream(Ear())
    used.push(first)
    getattr(used, ended_by)()
    assert np.array_equal(in_pieces(used, second, []), fresh)


@pytest.mark.parametrize(
    "framing", [{}, {"hop": 25, "lookahead": 25, "past": 50}, {"hop": 1, "lookahead": 0}]
)
def test_a_row_comes_with_the_last_sample_of_its_stated_lookahead(framing):
    stream = WhisperStream(Ear(), **framing)
    enough = 640 + stream.lookahead
    assert len(stream.push(noise(enough - 1))) == 0
    assert len(stream.push(noise(1))) > 0


def test_a_row_hears_nothing_beyond_its_lookahead_and_something_at_its_end():
    sound = noise(16_000)
    stream = WhisperStream(Ear(), taps=(4,))
    last_heard = 640 + stream.lookahead - 1
    plain = in_pieces(stream, sound, [])
    beyond, within = sound.copy(), sound.copy()
    beyond[last_heard + 1 :] = 0.5
    within[last_heard - 400 : last_heard + 1] = 0.5
    assert np.array_equal(in_pieces(stream, beyond, [])[:5], plain[:5])
    assert not np.array_equal(in_pieces(stream, within, [])[:5], plain[:5])


def test_the_fourth_block_of_a_row_is_its_own_frame_and_the_others_are_its_neighbours():
    sound = noise(32_000)
    plain = in_pieces(WhisperStream(Ear(), taps=(0,)), sound, [])
    blocks = in_pieces(WhisperStream(Ear()), sound, []).reshape(50, len(TAPS), WIDTH)
    assert np.array_equal(blocks[:, 3], plain)
    first_of_hop = blocks[25]
    assert np.array_equal(first_of_hop[4], plain[26])
    assert np.array_equal(first_of_hop[5], plain[27])
    assert np.array_equal(first_of_hop[6], plain[29])


def test_a_tap_past_the_end_of_the_window_reads_the_windows_last_frame():
    rows = in_pieces(WhisperStream(Ear(), hop=2, lookahead=1, past=3, taps=(1, 2, 4)), noise(6_400), [])
    after, two_after, four_after = rows.reshape(10, 3, WIDTH)[4]
    assert np.array_equal(two_after, four_after)
    assert not np.array_equal(after, two_after)


def test_before_the_first_sound_the_window_holds_what_silence_sounds_like():
    ear = Ear()
    WhisperStream(ear).push(np.zeros(9 * 640, np.float32))
    (window,) = ear.windows
    assert window.shape == (1, 80, 4 * 46)
    assert np.all(window == (MIN_PEAK_LOG10 - 8 + 4) / 4)


def test_rows_asked_for_alone_are_those_of_the_whole_window(encoder):
    mel = log_mel(noise(46 * 640))[None]
    whole, part = (
        encoder.run({"mel": mel, "wanted": np.array(wanted)})["features"] for wanted in ([0, 92], [66, 92])
    )
    assert part.shape == (1, 26, WIDTH)
    apart = np.abs(part - whole[:, 66:]).mean(axis=1) / (whole.std(axis=1) + 1e-3)
    assert np.median(apart) < 0.05  # what is rounded together shares one scale


def test_silence_and_full_scale_give_finite_rows(encoder):
    loudest = np.sign(noise(16_000))
    for sound in (np.zeros(16_000, np.float32), loudest, np.full(16_000, 1e-30, np.float32)):
        assert np.isfinite(in_pieces(WhisperStream(encoder), sound, [])).all()


def test_the_log_mel_is_that_of_a_transform_in_double_precision():
    sound = noise(16_000)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    padded = np.concatenate([np.zeros(240), sound.astype(np.float64)])
    starts = range(0, 16_000, 160)
    power = np.array([np.abs(np.fft.rfft(padded[at : at + 400] * taper)) ** 2 for at in starts])
    levels = np.log10(np.maximum(power @ mel_filters().astype(np.float64), 1e-10))
    assert levels.max() - levels.min() < 8
    assert np.abs(log_mel(sound) - (levels.T + 4) / 4).max() < 2e-5


def test_mel_bands_have_the_area_and_centres_of_slaneys_scale():
    filters = mel_filters()
    assert filters.shape == (201, 80)
    assert np.argmax(filters[:, 79]) == 192  # 7698 Hz, at 40 Hz a bin
    assert filters[0].max() == 0
    areas = filters.sum(axis=0)[40:] * 40  # Hz a bin
    assert areas == pytest.approx(np.ones(40), abs=0.1)


def test_what_is_eight_decades_below_the_loudest_is_cut_off():
    tone = (0.9 * np.sin(2 * np.pi * 1000 / 16_000 * np.arange(640 * 10))).astype(np.float32)
    levels = unscaled(log_mel(tone))[:, 20]
    assert levels.max() - levels.min() == pytest.approx(8, abs=1e-4)


def test_two_seconds_after_a_thump_a_voice_is_heard_as_if_nothing_had_been():
    voice = noise(640 * 100, seed=3)
    thump = np.sin(2 * np.pi * 125 / 16_000 * np.arange(640)).astype(np.float32)
    struck = voice.copy()
    struck[6_400:7_040] += thump
    plain, after = log_mel(voice), log_mel(struck)
    assert not np.array_equal(plain[:, 40:44], after[:, 40:44])
    assert np.array_equal(plain[:, -160:], after[:, -160:])


def test_thirty_minutes_keep_no_more_than_a_window():
    stream = WhisperStream(Ear(keeps=False), taps=(0,))
    stream.push(noise(16_000 * 60 - 1))
    minute = held(stream)
    for _ in range(29):
        stream.push(np.zeros(16_000 * 60 - 1, np.float32))
    assert minute < 200_000
    assert held(stream) < minute + 640 * 4


def held(thing):
    """Bytes of all arrays a stream keeps, the buffers behind views included."""
    if isinstance(thing, np.ndarray):
        return (thing if thing.base is None else thing.base).nbytes
    parts = thing if isinstance(thing, deque | list) else getattr(thing, "__dict__", {}).values()
    return sum(held(part) for part in parts)


@pytest.mark.parametrize("framing", [{"hop": 0}, {"past": -1}, {"lookahead": -1}, {"past": 750}])
def test_a_window_the_encoder_cannot_see_is_refused(framing):
    with pytest.raises(ConfigError, match="speech window"):
        WhisperStream(Ear(), **framing)
