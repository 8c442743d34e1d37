"""Voices of a folder in batches."""

import numpy as np
import pytest
import soundfile

from cfg.errors import ConfigError, MediaError
from stream_pipeline.batches.loader import AudioBatchLoader


@pytest.fixture
def folder(tmp_path, voice):
    for name, frames in (("a", 1), ("b", 2), ("c", 3)):
        soundfile.write(tmp_path / f"{name}.wav", voice(frames * 640), 16000, "FLOAT")
    (tmp_path / "d.wav").write_bytes(b"not a sound")
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


@pytest.mark.parametrize(("size", "sizes"), [(1, [1, 1, 1, 1]), (3, [3, 1]), (9, [4])])
def test_all_voices_come_in_order_of_name(folder, size, sizes):
    loader = AudioBatchLoader(folder, size)
    batches = list(loader)
    assert [len(batch) for batch in batches] == sizes
    assert len(loader) == len(sizes)
    assert [v.path.stem for batch in batches for v in batch] == ["a", "b", "c", "d"]


def test_a_voice_is_read_whole_and_one_that_cannot_be_says_why(folder, voice):
    (batch,) = AudioBatchLoader(folder, 4)
    assert np.array_equal(batch[1].sound.samples, voice(2 * 640))
    assert batch[3].sound is None
    assert "d.wav" in str(batch[3].error)


def test_a_folder_without_sounds_or_a_batch_of_none_is_refused(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(MediaError, match="no sounds"):
        AudioBatchLoader(tmp_path / "empty")
    with pytest.raises(ConfigError, match="batch_size"):
        AudioBatchLoader(folder, 0)
