"""A voice that was recorded too quietly or too loud is told of, with its level."""

import av
import numpy as np
import pytest
import soundfile

from ditto.media.level import Level, LevelMeter
from ditto.media.sound import open_sound, read_sound, sound_of

RATE = 48_000


def speech(peak, seconds=2.0):
    """A murmur with pauses, its loudest sample at `peak`."""
    time = np.arange(int(RATE * seconds)) / RATE
    rise = np.clip(np.sin(2 * np.pi * 3 * time), 0, 1)
    voice = rise * (np.sin(2 * np.pi * 110 * time) + 0.5 * np.sin(2 * np.pi * 233 * time))
    return voice * (peak / np.abs(voice).max())


def measured(samples):
    meter = LevelMeter()
    for at in range(0, len(samples), 5000):
        meter.add(np.asarray(samples[at : at + 5000], np.float32)[:, None])
    return meter.level


@pytest.mark.parametrize("peak", [0.05, 0.5, 1.0])
def test_an_ordinary_voice_is_not_remarked_on(peak):
    level = measured(speech(peak))
    assert level.peak == pytest.approx(peak)
    assert level.remark() == ""


def test_a_quiet_voice_is_told_with_its_level_unless_it_is_made_louder():
    level = measured(speech(0.01))
    assert "its loudest sample is at -40 dB of full scale; --normalise" in level.remark()
    assert level.remark(normalised=True) == ""


@pytest.mark.parametrize("level", [Level(0.0), Level(0.0009)])
def test_a_silent_voice_is_called_silent(level):
    assert level.silent
    assert level.remark(normalised=True) == "the voice is silent; the lips stay closed"


@pytest.mark.parametrize("gain", [1.5, 4.0])
def test_a_voice_that_was_cut_off_is_told_with_the_share(gain):
    cut = np.clip(speech(gain), -1, 1)
    level = measured(cut)
    share = np.mean(np.abs(cut) == 1)
    assert level.clipped == pytest.approx(share, rel=0.3)
    assert f"{100 * level.clipped:.1f} % of its samples are cut off at full scale" in level.remark()


def test_a_cut_voice_is_known_in_a_file_whatever_its_kind_and_way_of_reading(tmp_path):
    cut = np.clip(speech(3.0), -1, 1)
    soundfile.write(tmp_path / "a.wav", np.stack([cut, cut], 1), RATE, subtype="PCM_16")
    soundfile.write(tmp_path / "a.mp3", cut, RATE)
    for name in ("a.wav", "a.mp3"):
        for read in (open_sound, read_sound):
            assert "clipped" in read(tmp_path / name).level.remark()
    assert "clipped" in sound_of(cut, RATE).level.remark()


def test_a_sound_track_has_a_level_too(tmp_path):
    path = tmp_path / "memo.m4a"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            speech(0.01)[None].astype(np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = RATE
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    assert "quiet" in open_sound(path).level.remark()
