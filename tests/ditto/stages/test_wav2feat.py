from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest

from cfg.errors import ConfigError, ModelError
from ditto.packs.official.hubert import (
    HubertStream,
    TransformersEncoder,
    frame_count,
    local_speech_stream,
    reference_frame_count,
)
from ditto.stages.messages import AudioChunk
from ditto.stages.wav2feat import Wav2Feat


class Loudness:
    """An encoder that gives the mean of the sound behind each of its rows."""

    kind = "hubert"
    width = 2

    def run(self, feeds):
        sound = feeds["input_values"][0]
        starts = range(0, len(sound) - 399, 320)
        return {"encoding_out": np.array([[sound[s : s + 320].mean()] * 2 for s in starts], np.float32)}


def stream(chunk=(3, 5, 2)):
    return HubertStream(Loudness(), chunk, width=2)


def sound_of(samples, seed=0):
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def heard(stage, sound, piece, turn=0):
    made = []
    for at in range(0, len(sound), piece):
        made += stage.process(AudioChunk(turn, at, sound[at : at + piece]))
    return [*made, *stage.flush()]


@pytest.mark.parametrize("chunk", [(3, 5, 2), (3, 5, 0), (0, 1, 0), (2, 4, 2), (5, 1, 1), (25, 200, 25)])
@pytest.mark.parametrize("samples", [1, 639, 640, 641, 3200, 3201, 4480, 6400, 16_000, 16_001])
def test_there_is_one_row_for_each_begun_frame(chunk, samples):
    made = heard(Wav2Feat(stream(chunk)), sound_of(samples), piece=1600)
    assert sum(len(m.rows) for m in made) == -(-samples // 640)


def test_rows_are_numbered_without_gaps():
    made = heard(Wav2Feat(stream()), sound_of(20_000), piece=900)
    starts = np.cumsum([0] + [len(m.rows) for m in made])[:-1]
    assert [m.index for m in made] == starts.tolist()


def test_how_the_voice_arrives_changes_nothing():
    sound = sound_of(20_123)
    whole, tiny = (
        np.concatenate([m.rows for m in heard(Wav2Feat(stream()), sound, piece)]) for piece in (20_123, 311)
    )
    assert np.array_equal(whole, tiny)


def test_a_row_hears_its_own_frame():
    sound = np.zeros(16_000, np.float32)
    sound[7 * 640 : 8 * 640] = 1
    rows = np.concatenate([m.rows for m in heard(Wav2Feat(stream()), sound, 5000)])
    assert rows[:, 0].argmax() == 7
    assert np.count_nonzero(rows[:, 0] > 0.2) == 1


def test_a_row_comes_out_when_the_promised_lookahead_is_there():
    ear = stream((3, 5, 2))
    assert ear.lookahead == 6 * 640
    assert len(ear.push(sound_of(640 + ear.lookahead - 1))) == 0
    assert len(ear.push(sound_of(1))) == 5


def test_after_its_end_a_stream_begins_anew_and_counts_on():
    stage = Wav2Feat(stream())
    first, second = (heard(stage, sound_of(6400), 640) for _ in range(2))
    assert [m.index for m in second] == [m.index + 10 for m in first]
    assert all(np.array_equal(a.rows, b.rows) for a, b in zip(first, second, strict=True))


def test_a_new_turn_counts_from_zero():
    stage = Wav2Feat(stream())
    list(stage.process(AudioChunk(0, 0, sound_of(9000))))
    stage.interrupt(1)
    assert [m.index for m in heard(stage, sound_of(3000), 3000, turn=1)] == [0]


def test_memory_does_not_grow_with_the_voice():
    stage, second = Wav2Feat(stream()), sound_of(16_000)
    list(stage.process(AudioChunk(0, 0, second)))
    tracemalloc.start()
    for _ in range(30):
        list(stage.process(AudioChunk(0, 0, second)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 200_000


def test_frames_are_counted_in_integers():
    assert [frame_count(n) for n in (0, 1, 640, 641, 4480)] == [0, 1, 1, 2, 7]
    assert reference_frame_count(4480) == 8


def test_an_encoder_that_gives_too_few_rows_is_refused():
    class Short(Loudness):
        def run(self, feeds):
            return {"encoding_out": np.zeros((3, 2), np.float32)}

    with pytest.raises(ModelError, match="3 rows for 6480 samples, but 14 are needed"):
        HubertStream(Short(), width=2).push(sound_of(9000))


def test_a_window_without_new_frames_is_refused():
    with pytest.raises(ConfigError, match=r"audio.chunk is \(3, 0, 2\)"):
        HubertStream(Loudness(), (3, 0, 2))


def test_wavlm_is_refused_where_the_voice_is_live():
    class WavLM(Loudness):
        kind = "wavlm"

    with pytest.raises(ConfigError, match="WavLM hears a voice only in windows of ten seconds"):
        local_speech_stream(WavLM(), online=True)
    assert local_speech_stream(WavLM(), online=False).lookahead > 100_000


def test_a_folder_that_holds_no_encoder_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json in it"):
        TransformersEncoder(tmp_path)


@pytest.mark.parametrize("kind", ["hubert", "wavlm"])
def test_an_encoder_of_the_transformers_library_is_heard(tmp_path, kind):
    transformers = pytest.importorskip("transformers")
    make = {"hubert": ("HubertConfig", "HubertModel"), "wavlm": ("WavLMConfig", "WavLMModel")}[kind]
    small = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    config = getattr(transformers, make[0])(**small, num_conv_pos_embedding_groups=2)
    getattr(transformers, make[1])(config).save_pretrained(tmp_path, safe_serialization=True)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}))
    ear = local_speech_stream(TransformersEncoder(tmp_path), online=False)
    made = heard(Wav2Feat(ear), sound_of(9000), 3000)
    assert np.concatenate([m.rows for m in made]).shape == (15, 16)
