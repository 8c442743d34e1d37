from pathlib import Path

import numpy as np
import pytest

from ditto.packs.mini.motion.lip_readout import CHANNEL_LIMITS, CHANNELS, OUTPUTS, load_readout
from ditto.packs.mini.speech.encoder import TAPS, WIDTH

SCRIPTS = Path(__file__).parents[2] / "scripts"
LIPS = len(CHANNELS) + 1  # and the voice: what networks read


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
        rng.normal(size=LIPS),
        rng.uniform(0.5, 1.5, LIPS),
        rng.uniform(1, 1.5, LIPS),
    )
    standard = training.Standard(level, scale, rng.normal(size=WIDTH), rng.uniform(0.5, 2, WIDTH))
    calibration = training.Calibration(level, gain, threshold=0.1)
    ridge = 0.01 * rng.normal(size=(len(TAPS), WIDTH, OUTPUTS))
    networks = []
    for seed in training.SEEDS:
        torch.manual_seed(seed)
        networks.append(training.mini_reader.Network(WIDTH, len(TAPS), LIPS).eval())
    heard = rng.normal(standard.mean, standard.spread, (30, WIDTH))
    near = np.arange(24)[:, None] + np.arange(len(TAPS))

    frames = (heard - standard.mean) / standard.spread
    linear = frames[near].reshape(24, -1) @ ridge.reshape(-1, OUTPUTS)
    example = training.Example(torch.from_numpy(frames), torch.from_numpy(near), torch.zeros(24, LIPS))
    read = np.mean([training.mini_reader.read(network, example) for network in networks], axis=0)
    judged = calibration({"clip": standard.told(linear, read)})["clip"]

    stored = standard.stored(ridge, networks, calibration)
    training.save(training.fold_file(tmp_path, 3), {"online": stored, "offline": stored})
    lips, speaks = load_readout(tmp_path / "motion_fold3.npz", online=True)(
        heard[near].reshape(24, -1).astype(np.float32)
    )
    np.testing.assert_allclose(lips, np.clip(judged[:, :-1], *np.array(CHANNEL_LIMITS).T), atol=0.02)
    np.testing.assert_array_equal(speaks, judged[:, -1] > training.MIN_SPEECH)


def said(folder, *phones):
    rows = [f"clip,{phone},{at},{length}" for phone, at, length in phones]
    (folder / "phones.csv").write_text("\n".join(["clip,phone,start_s,duration_s", *rows]))
    return folder


def test_what_is_wanted_of_closed_lips_is_m_b_and_p_for_as_long_as_they_are_said(training, tmp_path):
    clip = training.Clip("clip", "id000", 100, False)
    other = training.Clip("without phones", "id000", 100, False)
    folder = said(tmp_path, ("M", 0.40, 0.08), ("AA1", 0.48, 0.2), ("B(2)", 2.0, 0.08), ("P", 3.0, 0.4))
    wanted = training.meetings(folder, [clip, other])
    assert set(wanted) == {"clip"}
    assert np.flatnonzero(wanted["clip"][:, 0] > 0.5).tolist() == [10, 11, 50, 51]
    assert wanted["clip"].sum() == pytest.approx(4, abs=0.01)


def test_lips_close_from_the_highest_threshold_that_closes_enough_of_them(training, tmp_path):
    clip = training.Clip("clip", "id000", 200, True)
    at = [(0.4 + 0.7 * n, 0.3 + 0.02 * n) for n in range(10)]  # seconds, and how surely it is heard
    folder = said(tmp_path, *(("M", start, 0.12) for start, _ in at))
    track = 8.0 + 0.01 * np.random.default_rng(0).normal(size=(200, LIPS + 1))
    track[:, -1] = 0.0
    for start, sure in at:
        track[round(25 * start) - 1 : round(25 * start) + 4, -1] = sure
    level = np.zeros(LIPS)
    known = training.calibrated(folder, {"clip": track}, {"clip": track[:, :-1]}, [clip], level)
    closed = [known({"clip": track})["clip"][round(25 * start) + 1, 0] < 2 for start, _ in at]
    assert closed == [False] + 9 * [True]
    assert known({"clip": track})["clip"][:8, 0].min() > 7.9


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
    true = evaluate.ClipMotion(lips, lips, *still)
    made = evaluate.ClipMotion(evaluate.late(lips, 3), evaluate.late(lips, 3), *still)
    figures = evaluate.spoken(made, true, lag=evaluate.DELAY - 3)
    assert figures["gap r"] > 0.999
    assert figures["gap amplitude"] == pytest.approx(1, abs=0.01)
    assert figures["gap r, lags as recorded"] < 0.9
