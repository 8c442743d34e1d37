"""The lips close when the sound says so: on a synthetic vowel whose closures are known to the sample."""

import numpy as np
import pytest

from ditto import bundled
from ditto.motion.angles import degrees_to_bins
from ditto.motion.vector import LENGTH, PLACES
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from ditto.packs.mini.motion.lip_readout import LISTENING, load_readout
from ditto.packs.mini.motion.sampler import MiniSampler
from ditto.packs.mini.pack import MiniPack
from ditto.packs.mini.speech.encoder import WhisperStream
from ditto.packs.mini.speech.voice_level import WithLoudness
from ditto.stages.audio2motion import OVERLAP_OFFLINE, Audio2Motion
from ditto.stages.messages import Conditions
from model_formats import open_model

RATE, FRAME = 16_000, 640
OPEN_VOWEL = ((730, 90), (1090, 110), (2440, 170))  # formants of /a/ and their widths, in hertz
CLOSED_LIPS = ((250, 100), (800, 200), (2200, 300))
HELD, MOVING = 0.09, 0.045  # seconds the lips are shut, and to either side on their way
SPACING = 0.55  # seconds from one closure to the next


def vowel(seconds, closures):
    """A voice that says ama-ama: the lips are shut about the `closures`, in seconds."""
    steps = np.arange(0, seconds + 0.005, 0.005)
    distance = np.min(np.abs(steps[:, None] - np.asarray(closures)), axis=1)
    shut = np.clip((HELD / 2 + MOVING - distance) / MOVING, 0, 1)[:, None]
    pitch = 120 + 8 * np.sin(2 * np.pi * 0.7 * steps)
    harmonics = np.arange(1, 40)
    at = harmonics * pitch[:, None]
    strength = np.zeros_like(at)
    for (heard, wide), (low, blunt) in zip(OPEN_VOWEL, CLOSED_LIPS, strict=True):
        centre, width = heard + shut * (low - heard), wide + shut * (blunt - wide)
        strength += width / np.sqrt((at - centre) ** 2 + width**2)
    strength *= (harmonics**-0.5) * 10 ** (-np.where(at > 500, 30, 8) * shut / 20)
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(np.interp(time, steps, pitch)) / RATE
    sound = sum(np.interp(time, steps, strength[:, k]) * np.sin((k + 1) * phase) for k in range(39))
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


def closures_within(seconds):
    """Times that fall on every part of a frame."""
    count = int((seconds - 1) / SPACING)
    return 0.7 + SPACING * np.arange(count) + np.arange(count) * 0.0071 % 0.04


@pytest.fixture(scope="module")
def encoder():
    opened = open_model(bundled.path("speech_encoder.onnx"), threads=1)
    yield opened
    opened.close()


def heard(encoder, sound, kind):
    stream = WithLoudness(WhisperStream(encoder, **LISTENING[kind]))
    return np.concatenate([stream.push(sound), stream.flush()])


def lips(encoder, sound, kind):
    """(T,) millimetres between the lips in the motion that the pack makes of a sound."""
    online = kind == "online"
    source = np.zeros(LENGTH, np.float32)
    for angle in ("pitch", "yaw", "roll"):
        source[PLACES[angle]] = degrees_to_bins(0.0)
    overlap = MiniPack.online_overlap if online else OVERLAP_OFFLINE
    readout = load_readout(bundled.path("motion.npz"), online=online)
    sampler = MiniSampler(readout, source, overlap=overlap, online=online, emotion=False, loudness=True)
    stage = Audio2Motion(
        sampler,
        source,
        online=online,
        overlap=overlap,
        smoothing=MiniPack.smoothing,
        silence=heard(encoder, np.zeros(FRAME, np.float32), kind)[0] if online else None,
    )
    made = [*stage.process(Conditions(0, 0, heard(encoder, sound, kind))), *stage.flush()]
    return np.stack([motion.vector for motion in made])[:, PLACES["exp"].start + Exp.GAP] / METRE


def lateness(gap, closures):
    """(n,) frames from each closure to the middle of the frames in which the gap is smallest.

    A frame is shown while its own 40 ms of sound are heard, so its time is the middle of them.
    """
    found = []
    for closure in closures:
        middle = closure * RATE / FRAME
        near = np.arange(int(middle) - 5, int(middle) + 6)
        depth = np.maximum(np.percentile(gap[near], 60) - gap[near], 0)
        found.append((depth * (near + 0.5)).sum() / depth.sum() - middle)
    return np.array(found)


@pytest.mark.parametrize("kind", ["online", "offline"])
def test_lips_meet_within_half_a_frame_of_the_sound(encoder, kind):
    closures = closures_within(20)
    late = lateness(lips(encoder, vowel(20, closures), kind), closures)
    assert abs(late.mean()) < 0.5
    assert np.abs(np.median(late)) < 0.5


@pytest.mark.full
@pytest.mark.parametrize("kind", ["online", "offline"])
def test_after_a_minute_lips_are_as_much_in_time_as_at_first(encoder, kind):
    closures = closures_within(60)
    late = lateness(lips(encoder, vowel(60, closures), kind), closures)
    first, last = late[:25].mean(), late[-25:].mean()
    assert max(abs(first), abs(last)) < 0.5
    assert abs(last - first) < 0.2
