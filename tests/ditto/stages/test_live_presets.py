"""Presets of live streams: with a denoiser whose answer is known, lips are in time at each of them."""

import numpy as np
import pytest

from cfg.preset import preset
from cfg.reading import load
from ditto.motion.diffusion import DiffusionSampler, cumulative_alphas
from ditto.motion.dpm_solver import FewStepSampler
from ditto.packs.official.pack import OfficialPack
from ditto.stages.audio2motion import Audio2Motion
from ditto.stages.messages import Conditions

LIVE = ("low-latency", "live-balanced", "steady")
FRAMES = 1000
LIP = 202 + 6 * 3 + 1
ALPHAS = cumulative_alphas()


class Follows:
    """The exact denoiser of a lip that is as open as its condition, give or take, and goes with its past."""

    spread = 0.1

    def prepare(self, conditions, times):
        mean = np.zeros((1, 80, 265), np.float32)
        mean[..., LIP] = conditions[..., 0]

        def denoise(x, before, step):
            share = ALPHAS[times[step]]
            gain = np.sqrt(share) * self.spread**2 / (share * self.spread**2 + 1 - share)
            clean = mean + gain * (x - np.sqrt(share) * mean)
            noise = (x - np.sqrt(share) * clean) / np.sqrt(1 - share)
            return noise.astype(np.float32), clean.astype(np.float32)

        return denoise


def moved(name, opening):
    """The lip in the motion that a preset makes, and how many frames each one waited for, at most."""
    motion = load("ditto_onnx_online", **preset(name)).motion
    sampler = {"dpm++": FewStepSampler, "ancestral": DiffusionSampler}[motion.solver](Follows(), motion.steps)
    stage = Audio2Motion(
        sampler,
        np.zeros(265, np.float32),
        online=True,
        overlap=motion.overlap,
        delay=OfficialPack.online_delay,
        silence=np.zeros(1, np.float32),
    )
    made, waits = [], 0
    for index, row in enumerate(opening):
        for frame in stage.process(Conditions(0, index, np.array([[row]], np.float32))):
            waits = max(waits, index - frame.index)
            made.append(frame.vector[LIP])
    made += [frame.vector[LIP] for frame in stage.flush()]
    return np.array(made), waits


@pytest.fixture(scope="module")
def opening():
    """A lip that opens and shuts at random, as quickly as speech has it."""
    noise = np.random.default_rng(7).standard_normal(FRAMES + 6)
    return np.convolve(noise, np.hanning(7), "valid")[:FRAMES].astype(np.float32)


@pytest.mark.parametrize(("name", "most"), list(zip(LIVE, (9, 19, 29), strict=True)))
def test_lips_are_in_time_with_the_voice_and_wait_no_longer_than_is_said(opening, name, most):
    lip, waits = moved(name, opening)
    assert len(lip) == FRAMES
    inner = slice(100, -100)
    alike = [np.corrcoef(opening[inner], np.roll(lip, -lag)[inner])[0, 1] for lag in range(-20, 21)]
    assert abs(int(np.argmax(alike)) - 20) <= 1
    assert max(alike) > 0.9
    assert waits == most


@pytest.mark.parametrize("name", LIVE)
def test_a_live_preset_takes_few_steps_for_the_frames_that_a_window_serves(name):
    motion = load("ditto_onnx_online", **preset(name)).motion
    assert motion.steps / (80 - motion.overlap) <= 2
