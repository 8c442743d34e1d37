import numpy as np
import pytest

from ditto.packs.mini.speech.voice_level import WithLoudness


class Rows:
    """One row a frame, all zeros, two frames late."""

    width = 3
    lookahead = 1280

    def __init__(self):
        self.reset()

    def reset(self):
        self.samples = self.given = 0

    def push(self, samples):
        self.samples += len(samples)
        return self.up_to(max(0, self.samples // 640 - 2))

    def flush(self):
        rows = self.up_to(-(-self.samples // 640))
        self.reset()
        return rows

    def up_to(self, frame):
        rows = np.zeros((frame - self.given, 3), np.float32)
        self.given = frame
        return rows


def heard(sound, step):
    stream = WithLoudness(Rows())
    rows = [stream.push(sound[at : at + step]) for at in range(0, len(sound), step)]
    return np.concatenate([*rows, stream.flush()])[:, -1]


def tone(frames, level):
    return (10 ** (level / 20) * np.sqrt(2) * np.sin(np.arange(frames * 640) / 7)).astype(np.float32)


def test_a_pause_far_below_the_voice_is_none_of_it():
    sound = np.concatenate([tone(50, -20), tone(50, -60), tone(50, -25)])
    flags = heard(sound, 320)
    assert flags[:50].all()
    assert not flags[50:100].any()
    assert flags[100:].all()


def test_silence_is_never_a_voice():
    assert not heard(np.zeros(64_000, np.float32), 640).any()


def test_a_click_in_a_pause_is_no_voice():
    sound = np.concatenate([tone(50, -20), tone(50, -60), tone(1, -40), tone(50, -60)])
    assert not heard(sound, 640)[50:].any()


def test_a_bang_does_not_make_silence_of_the_voice_after_it():
    sound = np.concatenate([tone(50, -30), tone(1, -3), tone(50, -30)])
    assert heard(sound, 640).all()


def test_a_voice_is_heard_from_its_first_frame_on():
    sound = np.concatenate([np.zeros(20 * 640, np.float32), tone(50, -25)])
    assert heard(sound, 640).tolist() == [0] * 20 + [1] * 50


def test_a_quiet_recording_is_heard_once_the_peak_has_been_forgotten_or_never_was():
    assert heard(tone(50, -45), 640)[10:].all()


@pytest.mark.parametrize("step", [1, 77, 640, 5000, 100_000])
def test_the_numbers_do_not_depend_on_how_the_sound_arrives(step):
    sound = np.concatenate([tone(4, -20), np.zeros(2000, np.float32), tone(3, -30)])[:6001]
    np.testing.assert_array_equal(heard(sound, step), heard(sound, 640))


def test_there_is_a_number_for_every_row():
    for samples in (0, 1, 640, 641, 12_345):
        assert len(heard(tone(40, -20)[:samples], 500)) == -(-samples // 640)
