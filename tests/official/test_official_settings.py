"""What the pickled configuration of the official checkpoints says, as settings."""

import logging
import pickle

import numpy as np
import pytest

from cfg.errors import ConfigError
from stream_pipeline.configuration import official_settings

ROLES = (
    "appearance_extractor",
    "motion_extractor",
    "stitch_network",
    "warp_network",
    "decoder",
    "insightface_det",
    "landmark106",
    "landmark203",
    "hubert",
)


@pytest.fixture
def configured(tmp_path):
    """A configuration file with the given default keywords."""

    def write(**defaults):
        base = {f"{role}_cfg": {"model_path": f"{role}.onnx", "device": "cuda"} for role in ROLES}
        base["landmark478_cfg"] = {"task_path": "face.task", "device": "cuda"}
        motion = {"model_path": "lmdm.onnx", "use_emo": True, "use_sc": False}
        values = {"base_cfg": base, "audio2motion_cfg": motion, "default_kwargs": defaults}
        path = tmp_path / "cfg.pkl"
        path.write_bytes(pickle.dumps(values))
        return path

    return write


def test_its_default_keywords_become_settings(configured, tmp_path):
    path = configured(sampling_timesteps=25, online_mode=True, overlap_v2=70, fix_kp_cond_dim=[0, 202])
    settings = official_settings(path, tmp_path, {})
    assert (settings.motion.steps, settings.motion.overlap, settings.motion.hold_dims) == (25, 70, (0, 202))
    assert settings.online
    assert not settings.condition.use_sc


def test_the_caller_has_the_last_word(configured, tmp_path):
    over = {"motion": {"steps": 5}, "pack": {"device": "cpu"}}
    settings = official_settings(configured(sampling_timesteps=25), tmp_path, over)
    assert (settings.motion.steps, settings.pack.device, settings.pack.format) == (5, "cpu", "onnx")


def test_numbers_and_limits_may_be_numpy_s(configured, tmp_path):
    limits = np.stack([np.full((265, 1), -1), np.full((265, 1), 1)]).astype(np.float32)
    path = configured(smo_k_d=np.int64(13), crop_scale=np.float64(2.5), v_min_max_for_clip=limits)
    settings = official_settings(path, tmp_path, {})
    assert (settings.motion.smoothing, settings.source.crop_scale) == (13, 2.5)
    assert settings.motion.clip == ((-1.0,) * 265, (1.0,) * 265)


def test_a_keyword_nothing_uses_is_mentioned_and_passed_over(configured, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        official_settings(configured(flag_from_the_future=1), tmp_path, {})
    assert "flag_from_the_future" in caplog.text


def test_it_does_not_say_where_its_files_lie(configured):
    with pytest.raises(ConfigError, match="--data_root"):
        official_settings(configured(), None, {})


@pytest.mark.parametrize("limits", [[[0, 1], [1]], "ab", [1, 2, 3], {}, [[0.0], [1e300]], [[np.nan], [1]]])
def test_limits_that_are_not_two_rows_of_numbers_are_refused(configured, tmp_path, limits):
    with pytest.raises(ConfigError, match="v_min_max_for_clip"):
        official_settings(configured(v_min_max_for_clip=limits), tmp_path, {})
