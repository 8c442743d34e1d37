import pickle
from collections import OrderedDict

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.official import NETWORKS, read_official, read_pickle


def official():
    base = {key: {"model_path": f"models/{role}.pth", "device": "cpu"} for key, role in NETWORKS.items()}
    base["landmark478_cfg"] = {"task_path": "aux/face.task", "blaze_face_model_path": "", "device": "cpu"}
    return {
        "base_cfg": base,
        "audio2motion_cfg": {"model_path": "models/lmdm.pth", "w2f_type": "hubert", "use_emo": True},
        "default_kwargs": {"sampling_timesteps": 25, "v_min_max_for_clip": [np.zeros(265), np.ones(265)]},
    }


def written(tmp_path, value, protocol=4):
    path = tmp_path / "cfg.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    return path


class Runs:
    """A pickle that would create a file when it is loaded."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_and_arrays_are_read_whatever_the_protocol(tmp_path, protocol):
    value = {
        "a": [1, 2.5, None, True, "ü", b"x"],
        "b": (np.arange(3.0), np.float32(2)),
        "c": OrderedDict(d={1}),
    }
    read = read_pickle(written(tmp_path, value, protocol))
    assert read["a"] == value["a"]
    np.testing.assert_array_equal(read["b"][0], [0, 1, 2])
    assert read["b"][1] == 2
    assert read["c"] == {"d": {1}}


def test_a_hostile_pickle_is_refused_and_nothing_of_it_runs(tmp_path):
    target = tmp_path / "owned"
    with pytest.raises(ConfigError, match=r"io\.open|_io\.open|builtins\.open"):
        read_pickle(written(tmp_path, {"a": Runs(target)}))
    assert not target.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"\x80\x04",
        pickle.dumps([1, 2]),
        b"cos\nsystem\n(S'true'\ntR.",
        b"cnumpy\nndarray\n(I9\ntR.",
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path, data):
    path = tmp_path / "cfg.pkl"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"cfg\.pkl"):
        read_pickle(path)


def test_keywords_that_are_no_text_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="default_kwargs has the key 3"):
        read_official(written(tmp_path, official() | {"default_kwargs": {3: 4}}), tmp_path)


def test_a_flag_that_is_no_truth_is_refused(tmp_path):
    value = official()
    value["audio2motion_cfg"]["use_emo"] = np.zeros(2)
    with pytest.raises(ConfigError, match="use_emo"):
        read_official(written(tmp_path, value), tmp_path)


@pytest.mark.parametrize("name", ["x" * 5000 + ".pth", "a\0b.pth"])
def test_a_name_that_no_file_can_have_is_a_file_that_is_not_there(tmp_path, name):
    value = official()
    value["base_cfg"]["decoder_cfg"]["model_path"] = name
    found = read_official(written(tmp_path, value), tmp_path)
    assert found["pack"]["files"]["decoder"] == str(tmp_path / name)


def test_the_official_layout_becomes_settings(tmp_path):
    found = read_official(written(tmp_path, official()), tmp_path / "root")
    assert found["pack"]["format"] == "torch"
    assert found["pack"]["files"]["decoder"] == str(tmp_path / "root" / "models" / "decoder.pth")
    assert found["pack"]["files"]["face_landmarker_task"].endswith("face.task")
    assert "blaze_face" not in found["pack"]["files"]
    assert found["default_kwargs"]["sampling_timesteps"] == 25


def test_a_path_that_exists_is_taken_as_it_is(tmp_path):
    model = tmp_path / "own_decoder.pth"
    model.write_bytes(b"x")
    value = official()
    value["base_cfg"]["decoder_cfg"]["model_path"] = str(model)
    found = read_official(written(tmp_path, value), tmp_path / "root")
    assert found["pack"]["files"]["decoder"] == str(model)


def test_a_missing_group_is_named(tmp_path):
    value = official()
    del value["base_cfg"]["decoder_cfg"]
    with pytest.raises(ConfigError, match="decoder_cfg"):
        read_official(written(tmp_path, value), tmp_path)
