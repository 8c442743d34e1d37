"""What lips do to sounds that are not a clear voice, as the pack hears them offline and online."""

from pathlib import Path

import numpy as np
import pytest

from ditto.media.sound import read_sound
from ditto.motion.vector import PLACES
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from ditto.rates import SAMPLE_RATE
from ditto.stages.messages import AudioChunk
from stream_pipeline.engine import Engine
from stream_pipeline.plan import motion_plan

EXAMPLES = Path(__file__).parents[4] / "examples"
SHUT = 2.0  # millimetres between the inner lips that nobody sees as speaking


def seconds(count):
    return round(count * SAMPLE_RATE)


def noise(count, seed=0):
    return np.random.default_rng(seed).standard_normal(seconds(count))


def pink(count):
    spectrum = np.fft.rfft(noise(count))
    sound = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), seconds(count))
    return 0.3 * sound / np.abs(sound).max()


def music(count):
    """Chords of decaying strings, a drum on every half beat."""
    time = np.arange(seconds(count)) / SAMPLE_RATE
    beat, since = np.divmod(time, 0.8)
    chords = np.array([(220, 277, 330), (196, 247, 294), (174, 220, 262), (165, 208, 247)])
    notes = chords[beat.astype(int) % 4].T
    strings = sum(np.sin(2 * np.pi * note * part * time) / part for note in notes for part in (1, 2, 3, 4))
    drum = 2 * noise(count) * np.exp(-40 * (time % 0.4))
    sound = strings * np.exp(-1.5 * since) + drum
    return 0.4 * sound / np.abs(sound).max()


def whispered(voice):
    """The voice without its pitch: noise under the same slowly changing spectrum."""
    window, step = 400, 100
    taper = np.hanning(window)
    made = np.zeros(len(voice))
    turn = np.random.default_rng(0)
    for at in range(0, len(voice) - window, step):
        heard = np.abs(np.fft.rfft(voice[at : at + window] * taper))
        smooth = np.convolve(heard, np.hanning(11) / np.hanning(11).sum(), mode="same")
        turned = smooth * np.exp(2j * np.pi * turn.random(len(smooth)))
        made[at : at + window] += taper * np.fft.irfft(turned, window)
    return 0.3 * made / np.abs(made).max()


@pytest.fixture(scope="module")
def engine():
    with Engine.load("mini", source={"max_size": 256}) as engine:
        yield engine


@pytest.fixture(scope="module")
def avatar(engine):
    return engine.register(EXAMPLES / "drawn_woman.jpg")


@pytest.fixture(scope="module")
def voice():
    return read_sound(EXAMPLES / "speech.flac").samples[: seconds(6)]


@pytest.fixture(scope="module", params=["offline", "online"])
def gaps(engine, avatar, request):
    """From a sound to the millimetres between the lips, frame by frame."""

    def heard(sound):
        settings = engine.with_settings({"stream": {"mode": request.param}})
        stages = motion_plan(engine.pack, avatar, settings).stages()
        sound = np.asarray(sound, np.float32)
        items = [AudioChunk(0, at, sound[at : at + 16_000]) for at in range(0, len(sound), 16_000)]
        for stage in stages:
            items = [made for item in items for made in stage.process(item)] + list(stage.flush())
        motion = np.stack([item.vector for item in items])
        assert len(motion) == -(-len(sound) // 640)
        assert np.isfinite(motion).all()
        return motion[:, PLACES["exp"]][:, Exp.GAP] / METRE

    return heard


@pytest.fixture(scope="module")
def spoken(gaps, voice):
    """The gaps of the clear voice."""
    return gaps(voice)


def alike(one, other):
    return np.corrcoef(one, other)[0, 1]


def test_a_voice_opens_and_shuts_the_lips(spoken):
    assert spoken.max() > 10
    assert 0.2 < (spoken < SHUT).mean() < 0.8


def test_a_shouting_clipped_voice_moves_the_lips_as_the_voice_does(gaps, voice, spoken):
    assert alike(gaps(np.clip(10 * voice, -1, 1)), spoken) > 0.85


def test_a_quiet_voice_moves_the_lips_as_the_voice_does(gaps, voice, spoken):
    assert alike(gaps(0.1 * voice), spoken) > 0.85


def test_a_voice_far_from_zero_moves_the_lips_as_the_voice_does(gaps, voice, spoken):
    assert alike(gaps(0.5 * voice + 0.3), spoken) > 0.7


def test_a_whisper_is_spoken(gaps, voice, spoken):
    gap = gaps(whispered(voice))
    assert gap.max() > 8
    assert alike(gap, spoken) > 0.4


def test_a_voice_over_music_is_spoken(gaps, voice, spoken):
    assert alike(gaps(0.7 * voice + 0.2 * music(6)), spoken) > 0.5


@pytest.mark.parametrize("level", [0.02, 0.1, 0.4])
def test_white_noise_leaves_the_lips_shut(gaps, level):
    assert (gaps(np.clip(level * noise(5), -1, 1)) < SHUT).mean() > 0.9


def test_pink_noise_leaves_the_lips_shut(gaps):
    assert (gaps(pink(5)) < SHUT).mean() > 0.9


def test_music_without_a_voice_leaves_the_lips_shut(gaps):
    assert (gaps(music(6)) < SHUT).mean() > 0.9


@pytest.mark.parametrize("level", [0.0, 0.3, -1.0])
def test_silence_leaves_the_lips_still_wherever_its_zero_lies(gaps, level):
    gap = gaps(np.full(seconds(4), level))
    assert (gap < SHUT).mean() > 0.9
    if not level:
        assert gap.max() < 0.5


def test_a_single_click_does_not_open_the_mouth(gaps):
    sound = np.zeros(seconds(3))
    sound[seconds(1)] = 1.0
    assert gaps(sound).max() < SHUT


@pytest.mark.parametrize("samples", [1, 639, 640, 641, 1600])
def test_a_tenth_of_a_second_and_less_is_heard(gaps, voice, samples):
    gaps(voice[10_000 : 10_000 + samples])


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_half_an_hour_is_heard_to_its_end_as_well_as_at_its_beginning(gaps, voice):
    whole = np.resize(voice, seconds(1800))
    gap = gaps(whole)
    assert gap[-1500:].max() > 10
    assert abs(gap[:1500].mean() - gap[-1500:].mean()) < 1.0
