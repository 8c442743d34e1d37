"""A window of motion from the official denoiser on the device."""

from __future__ import annotations

import numpy as np
import pytest

from ditto.motion.diffusion import DiffusionSampler
from ditto.packs.official.denoiser import TorchDenoiser

STEPS = 2
SHARES = {"fp32": 1e-4, "bf16": 0.05, "fp16": 0.025}  # of the window's largest value


def window(network, device, precision="fp32"):
    heard = np.random.default_rng(0).standard_normal((80, 1103)).astype(np.float32)
    sampler = DiffusionSampler(TorchDenoiser(network, device, precision), STEPS)
    return sampler.sample(heard[0, :265], heard, np.random.default_rng(1))


@pytest.mark.parametrize("precision", list(SHARES))
def test_a_window_on_the_device_is_the_processor_s(precision, device, seeded_network, computes):
    computes(precision, device)
    wanted = window(seeded_network("lmdm"), "cpu")
    found = window(seeded_network("lmdm"), device, precision)
    assert (found.dtype, found.shape) == (np.float32, (80, 265))
    apart = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert apart <= SHARES[precision]


def test_the_same_seed_gives_the_same_window_twice(device, seeded_network):
    network = seeded_network("lmdm")
    np.testing.assert_array_equal(window(network, device), window(network, device))
