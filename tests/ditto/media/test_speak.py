"""A voice for text, by the optional speech synthesiser."""

import sys
from types import ModuleType

import numpy as np
import pytest
import soundfile

from cfg.errors import MediaError
from ditto.media.speak import SPOKEN_RATE, speak


class Hums:
    """Speaks a tenth of a second for each word."""

    def __call__(self, text, seed):
        count = SPOKEN_RATE // 10 * len([word for word in text.split() if word.isascii() and word.isalpha()])
        return 0.3 * np.sin(np.arange(count) / 20 + seed)


@pytest.fixture
def synthesiser(monkeypatch):
    module = ModuleType("hibari")
    module.Hibari = Hums
    monkeypatch.setitem(sys.modules, "hibari", module)


def test_without_the_synthesiser_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "hibari", None)
    with pytest.raises(MediaError, match=r"\S+ -m pip install -e .*\[tts\]'"):
        speak("hello")


@pytest.mark.parametrize("text", ["", "  \n"])
def test_no_text_is_refused_before_anything_is_loaded(text):
    with pytest.raises(MediaError, match="no text to say"):
        speak(text)


@pytest.mark.usefixtures("synthesiser")
def test_words_become_a_voice():
    assert len(speak("one two three").samples) == 3 * 1600


@pytest.mark.usefixtures("synthesiser")
def test_what_cannot_be_pronounced_is_refused():
    with pytest.raises(MediaError, match="nothing to pronounce in '123'"):
        speak("123")


@pytest.mark.usefixtures("synthesiser")
@pytest.mark.parametrize("name", ["said.wav", "said.flac", "said.ogg"])
def test_the_voice_can_be_kept(tmp_path, name):
    speak("one two", tmp_path / name)
    kept = soundfile.info(tmp_path / name)
    assert (kept.samplerate, kept.frames) == (SPOKEN_RATE, SPOKEN_RATE // 5)


@pytest.mark.usefixtures("synthesiser")
@pytest.mark.parametrize("name", ["said.xyz", "no/such/folder/said.wav", "said"])
def test_a_voice_that_cannot_be_kept_is_refused_in_one_line(tmp_path, name):
    with pytest.raises(MediaError) as caught:
        speak("one", tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(caught.value)
