"""The sampler and its schedule, held to the reference numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from ditto.motion.diffusion import DiffusionSampler, cumulative_alphas, make_schedule, time_pairs
from tests.rounding import EPS, share_of

# The reference's coefficients are square roots of numbers up to one that took a handful of fp32 roundings;
# of all numbers of steps from 2 to 1000 none is off by more than 4.2 EPS before the root is taken.
SQUARE = 8 * EPS
# Where that square is almost nothing, the root is off by up to 2e-4: the share of noise of the first step
# (quirk 13a). Noise reaches 4.5, and four tenths of it come back from the stand-in; ten steps forget it.
FIRST_STEP, FORGOTTEN = 2e-4 * 4.5 * 0.4, 5e-6


class Replay:
    """Draws that were stored."""

    def __init__(self, draws):
        self._draws = iter(draws)

    def standard_normal(self, size):
        drawn = next(self._draws)
        assert drawn.shape == tuple(size)
        return drawn


class TorchDraws:
    def __init__(self, seed):
        torch = pytest.importorskip("torch")
        self._draw = torch.randn
        torch.manual_seed(seed)
        self.first = None

    def standard_normal(self, size):
        drawn = self._draw(size).numpy()
        self.first = drawn if self.first is None else self.first
        return drawn


class Fake:
    """The data's stand-in for a denoiser."""

    def prepare(self, conditions, times):
        alphas = cumulative_alphas().astype(np.float32)

        def denoise(x, previous, step):
            t = int(times[step])
            heard = np.float32(0.1) * conditions[..., : x.shape[-1]]
            clean = 0.8 * np.tanh(0.5 * x + previous[:, None] + heard) + 0.001 * t
            a, b = np.sqrt(1 / (1 - alphas[t])), np.sqrt(1 / alphas[t] - 1)
            return (a * x - clean / b).astype(np.float32), clean.astype(np.float32)

        return denoise


@pytest.fixture(scope="module")
def real(manifest, filled):
    torch = pytest.importorskip("torch")
    from ditto.packs.official.denoiser import TorchDenoiser
    from ditto.packs.official.networks.lmdm import LMDM

    tensors = manifest["models"]["lmdm"]["tensors"]

    @lru_cache(maxsize=1)
    def denoiser(salt):
        weights = filled({t["name"]: tuple(t["shape"]) for t in tensors}, salt)
        network = LMDM(1103).eval()
        state = {n: torch.from_numpy(a) for n, a in weights.items()}
        missing, _ = network.load_state_dict(state, strict=False)
        assert all(name.endswith("freqs") for name in missing)
        return TorchDenoiser(network, "cpu"), share_of(network)

    return denoiser


def numbered(arrays, name):
    """Those named x0, x1, ... in their order."""
    return [arrays[f"{name}{i}"] for i in range(len([n for n in arrays if n.removeprefix(name).isdigit()]))]


def expected_clips(case):
    clips = numbered(case.expected, "x")
    assert len(clips) == case.options.get("n_clips", len(clips))
    return clips


def agree_as_far_as_coefficients_do(found, expected, steps):
    bound = FIRST_STEP if 1 < steps < 10 else FORGOTTEN
    np.testing.assert_allclose(found, expected, atol=bound, rtol=0)


def agree_as_far_as_networks_do(found, expected, share):
    """Errors of early steps are mostly replaced by later ones, so a window is as exact as one step."""
    np.testing.assert_allclose(found, expected, atol=share * np.abs(expected).max(), rtol=0)


@pytest.mark.golden("diffusion", op="tables")
def test_signal_left_at_each_time(case):
    for name in ("alphas_cumprod_np", "alphas_cumprod_torch"):
        np.testing.assert_allclose(cumulative_alphas(), case.expected[name], rtol=2e-5, atol=1e-9)
    alphas = case.expected["alphas_cumprod_torch"].astype(np.float64)
    np.testing.assert_allclose(
        np.sqrt(1 / (1 - alphas)), case.expected["sqrt_recip1m_alphas_cumprod"], rtol=1e-3
    )


@pytest.mark.golden("diffusion", op="schedule")
def test_times_and_coefficients_of_the_steps(case):
    steps = case.options["S"]
    schedule = make_schedule(steps)
    assert np.array_equal(np.array(time_pairs(steps)), case.expected["pairs"])
    assert np.isfinite(schedule.noise).all()
    for path in ("np", "torch"):
        for name, ours in (
            ("sigma", schedule.fresh),
            ("alpha_next_sqrt", schedule.signal),
            ("c", schedule.noise),
        ):
            theirs = case.expected[f"{name}_{path}"].astype(np.float64)
            known = np.isfinite(theirs)  # quirk 13b
            np.testing.assert_allclose(ours[known] ** 2, theirs[known] ** 2, atol=SQUARE, rtol=0)


@pytest.mark.golden("diffusion", op="sample_fake")
def test_sampler_with_stored_noise(case):
    steps, frames, width = (case.options[name] for name in ("S", "F", "D"))
    draws = [*case.given["noise_steps"], *numbered(case.given, "x_init")]
    sampler = DiffusionSampler(Fake(), steps, window=frames, motion=width, keep_noise=True)
    noise = Replay(draws)
    for clip, expected in enumerate(expected_clips(case)):
        made = sampler.sample(case.given[f"cond_frame{clip}"][0], case.given[f"cond{clip}"][0], noise)
        agree_as_far_as_coefficients_do(made, expected[0], steps)


@pytest.mark.golden("diffusion", op="sample_numpy_seed")
def test_sampler_with_the_global_numpy_stream(case):
    frames, width = case.options["F"], case.options["D"]
    steps = case.options["S"]
    sampler = DiffusionSampler(Fake(), steps, window=frames, motion=width, keep_noise=True)
    noise = np.random.RandomState(case.options["numpy_seed"])
    for expected in expected_clips(case):
        made = sampler.sample(case.given["cond_frame"][0], case.given["cond"][0], noise)
        agree_as_far_as_coefficients_do(made, expected[0], steps)


@pytest.mark.full
@pytest.mark.golden("diffusion", op="sample_real")
def test_sampler_with_the_real_network(case, real, made):
    steps, clips = case.options["S"], case.options["n_clips"]
    key = case.options["noise_key"]
    shape = [1, 80, 265]
    draws = [
        made({"kind": "normal", "key": key.replace("<k>", str(k)), "shape": shape})
        for k in range(steps - 1 + clips)
    ]
    denoiser, share = real(case.options["salt"])
    sampler = DiffusionSampler(denoiser, steps, keep_noise=True)
    noise = Replay(draws)
    for clip, expected in enumerate(expected_clips(case)):
        found = sampler.sample(case.given[f"cond_frame{clip}"][0], case.given[f"cond{clip}"][0], noise)
        agree_as_far_as_networks_do(found, expected[0], share)


@pytest.mark.full
@pytest.mark.golden("diffusion", op="sample_torch_seed")
def test_sampler_with_the_torch_stream(case, real):
    denoiser, share = real(case.options["salt"])
    sampler = DiffusionSampler(denoiser, case.options["S"], keep_noise=True)
    noise = TorchDraws(case.options["torch_seed"])
    for expected in expected_clips(case):
        found = sampler.sample(case.given["cond_frame"][0], case.given["cond"][0], noise)
        agree_as_far_as_networks_do(found, expected[0], share)
    assert np.array_equal(noise.first.ravel()[:8], case.expected["first_step_noise_head"])
