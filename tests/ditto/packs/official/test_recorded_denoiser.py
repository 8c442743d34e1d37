"""A denoiser whose steps are recorded, with a recorder that runs on the processor."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ditto.motion.diffusion import DiffusionSampler  # noqa: E402
from ditto.packs.official.denoiser import TorchDenoiser  # noqa: E402
from ditto.packs.official.networks.blocks import fold  # noqa: E402
from ditto.packs.official.networks.lmdm import LMDM  # noqa: E402
from ditto.packs.official.recorded_denoiser import RecordedDenoiser  # noqa: E402


def test_windows_of_recorded_steps_are_those_of_ordinary_ones_and_one_recording_serves_all(recorder):
    torch.manual_seed(0)
    network = fold(LMDM(20).eval().requires_grad_(False))
    recorded = DiffusionSampler(RecordedDenoiser(network, "cpu", "fp32", recorder), 2)
    plain = DiffusionSampler(TorchDenoiser(network, "cpu"), 2)
    for window in range(2):
        heard = np.random.default_rng(window).standard_normal((80, 20)).astype(np.float32)
        previous = np.full(265, 0.1 * window, np.float32)
        found, wanted = (
            sampler.sample(previous, heard, np.random.default_rng(9)) for sampler in (recorded, plain)
        )
        np.testing.assert_allclose(found, wanted, rtol=0, atol=5e-5 * np.abs(wanted).max())
    assert recorder.recorded == 1
