"""What is said of inputs that are something else than was asked for."""

import numpy as np
import pytest
import soundfile

from cfg.errors import MediaError
from ditto.media.files import existing, first_line
from ditto.media.sound import open_sound, read_sound
from ditto.media.video import VideoSource


@pytest.fixture
def second(tmp_path):
    """second(amplitude): a sound file of one second."""

    def make(amplitude):
        path = tmp_path / "voice.wav"
        tone = amplitude * np.sin(np.arange(16_000) * 0.1)
        soundfile.write(path, tone, 16_000, subtype="FLOAT")
        return path

    return make


@pytest.mark.parametrize("name", ["https://example.org/a.jpg", "HTTP://example.org/a", "ftp:/a/b"])
def test_an_address_is_to_be_downloaded_first(name):
    with pytest.raises(MediaError, match="download the portrait first"):
        existing(name, "portrait")


@pytest.mark.parametrize("reading", [open_sound, read_sound])
def test_a_start_behind_the_end_says_how_long_the_sound_is(second, reading):
    with pytest.raises(MediaError, match=r"nothing is left.*--start.*1\.00 s long"):
        reading(second(0.5), 20.0)


@pytest.mark.parametrize(("amplitude", "silent"), [(0.0, True), (0.0005, True), (0.01, False)])
def test_a_voice_that_nobody_hears_is_known_as_silent(second, amplitude, silent):
    path = second(amplitude)
    assert open_sound(path).silent is silent
    assert read_sound(path).silent is silent


def test_a_library_speaks_without_its_numbers_and_paths():
    error = OSError(1094995529, "Invalid data found when processing input", "/a/b.txt")
    assert first_line(error) == "Invalid data found when processing input"


def test_rubbish_as_portrait_is_told_the_kinds_of_pictures(tmp_path):
    path = tmp_path / "rubbish.mp4"
    path.write_bytes(b"rubbish" * 100)
    with pytest.raises(MediaError, match=r"not a video.*JPEG, PNG, WebP") as refused:
        VideoSource(path)
    assert "Errno" not in str(refused.value)


def test_a_text_file_as_portrait_is_told_the_kinds_of_pictures(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("Dear diary\n" * 100)
    with pytest.raises(
        MediaError, match=r"is a text, not a video; give a picture \(JPEG, PNG, WebP"
    ) as refused:
        VideoSource(path)
    assert "Errno" not in str(refused.value)
