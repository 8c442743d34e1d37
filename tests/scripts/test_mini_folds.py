from pathlib import Path

import numpy as np
import pytest

from ditto.mini.motion import CHANNELS, LIMITS, load_readout
from ditto.mini.speech import TAPS, WIDTH

SCRIPTS = Path(__file__).parents[2] / "scripts"
OUTPUTS = len(CHANNELS) + 1


@pytest.fixture
def training(monkeypatch):
    for needed in ("torch", "scipy", "soundfile", "onnxruntime"):
        pytest.importorskip(needed)
    monkeypatch.syspath_prepend(SCRIPTS)
    import train_mini_motion

    return train_mini_motion


def test_a_stored_readout_reads_what_it_was_judged_by(training, tmp_path):
    import torch

    rng = np.random.default_rng(0)
    level, scale, gain = (
        rng.normal(size=OUTPUTS),
        rng.uniform(0.5, 1.5, OUTPUTS),
        rng.uniform(1, 1.5, OUTPUTS),
    )
    standard = training.Standard(level, scale, rng.normal(size=WIDTH), rng.uniform(0.5, 2, WIDTH))
    calibration = training.Calibration(level, gain, closing=1.25)
    ridge = 0.01 * rng.normal(size=(len(TAPS), WIDTH, OUTPUTS))
    networks = []
    for seed in training.SEEDS:
        torch.manual_seed(seed)
        networks.append(training.mini_reader.Network(WIDTH, len(TAPS), OUTPUTS).eval())
    heard = rng.normal(standard.mean, standard.spread, (30, WIDTH))
    near = np.arange(24)[:, None] + np.arange(len(TAPS))

    frames = (heard - standard.mean) / standard.spread
    linear = frames[near].reshape(24, -1) @ ridge.reshape(-1, OUTPUTS)
    example = training.Example(torch.from_numpy(frames), torch.from_numpy(near), torch.zeros(24, OUTPUTS))
    read = np.mean([training.mini_reader.read(network, example) for network in networks], axis=0)
    judged = calibration({"clip": standard.told(linear, read)})["clip"]

    stored = standard.stored(ridge, networks, calibration)
    training.save(training.fold_file(tmp_path, 3), {"online": stored, "offline": stored})
    lips, speaks = load_readout(tmp_path / "motion_fold3.npz", online=True)(
        heard[near].reshape(24, -1).astype(np.float32)
    )
    np.testing.assert_allclose(lips, np.clip(judged[:, :-1], *np.array(LIMITS).T), atol=0.02)
    np.testing.assert_array_equal(speaks, judged[:, -1] > training.SPOKEN)


def test_every_person_is_in_one_fold_and_the_folds_are_five(training):
    assert set(training.read_folds().values()) == set(range(5))


@pytest.fixture
def evaluate(training):
    pytest.importorskip("cv2")
    import evaluate

    return evaluate


def test_a_clip_is_spoken_by_the_readout_that_does_not_know_its_person(
    evaluate, training, monkeypatch, tmp_path
):
    opened = []
    monkeypatch.setattr("clip_motion.load_readout", lambda path, online: opened.append(path) or path.name)
    speaker = evaluate.Speaker(tmp_path, "offline", tmp_path, tmp_path)
    for identity, fold in (("id000", 1), ("id001", 3)):
        assert speaker.readout(training.Clip("clips/any", identity, 80, True)) == f"motion_fold{fold}.npz"
    evaluate.Speaker(tmp_path, "offline", tmp_path)
    assert {path.name for path in opened[5:]} == {"motion.npz"}


def test_silence_counts_once_it_has_lasted(evaluate):
    voiced = np.array([1] * 3 + [0] * (evaluate.SETTLING + 2) + [1, 0])
    assert np.flatnonzero(evaluate.silent(voiced)).tolist() == [3 + evaluate.SETTLING, 4 + evaluate.SETTLING]


def test_lips_that_are_late_by_the_expected_frame_agree_wholly(evaluate):
    lips = np.convolve(np.random.default_rng(0).normal(size=200), np.hanning(9), "same")
    still = np.zeros(200), np.zeros((200, 3))
    true = evaluate.Track(lips, lips, *still)
    made = evaluate.Track(evaluate.late(lips, 3), evaluate.late(lips, 3), *still)
    figures = evaluate.spoken(made, true, lag=evaluate.DELAY - 3)
    assert figures["gap r"] > 0.999
    assert figures["gap amplitude"] == pytest.approx(1, abs=0.01)
    assert figures["gap r, lags as recorded"] < 0.9
