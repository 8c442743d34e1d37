"""Fewer frames heard at once answer sooner, and move the lips as before."""

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.reading import load
from ditto import Engine
from ditto.media.sound import read_sound
from ditto.motion.vector import EXPRESSION
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from ditto.rates import SAMPLES_PER_FRAME
from ditto.stages.messages import AudioChunk
from stream_pipeline.plan import motion_plan


def gaps(sound, hop):
    """Millimetres between the lips, live, and the frames that the first one waits for."""
    with Engine.load("mini_online", audio={"hop": hop}) as engine:
        avatar = engine.register("examples/drawn_woman.jpg", max_size=256)
        motion = motion_plan(engine.pack, avatar, engine.settings)
        rows = [*motion.wav2feat.process(AudioChunk(0, 0, sound)), *motion.wav2feat.flush()]
        conditions = [joined for row in rows for joined in motion.condition.process(row)]
        made = [frame for joined in conditions for frame in motion.audio2motion.process(joined)]
        made += motion.audio2motion.flush()
        waits = engine.pack.speech(engine.settings).lookahead / SAMPLES_PER_FRAME
    return np.array([frame.vector[EXPRESSION][Exp.GAP] for frame in made]) / METRE, waits


@pytest.fixture(scope="module")
def sound():
    return read_sound("examples/speech.flac").samples[: 5 * 16_000]


@pytest.mark.parametrize("hop", [1, 2])
def test_the_lips_move_alike_and_begin_sooner(sound, hop):
    usual, long_wait = gaps(sound, 5)
    quick, wait = gaps(sound, hop)
    assert long_wait - wait == 5 - hop
    assert len(quick) == len(usual) == 125
    assert np.corrcoef(quick, usual)[0, 1] > 0.97
    assert 0.9 < np.std(quick) / np.std(usual) < 1.1


@pytest.mark.parametrize("hop", [0, 6, "two"])
def test_a_hop_that_the_encoder_does_not_know_is_refused(hop):
    with pytest.raises(ConfigError, match=r"audio\.hop"):
        load("mini_online", audio={"hop": hop})
