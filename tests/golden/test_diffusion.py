"""The sampler and its schedule, held to the reference numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ditto.motion.diffusion import DiffusionSampler, cumulative_alphas, make_schedule, time_pairs

REAL = 2e-4  # the bound the data's README gives for the real network
BADLY_CONDITIONED = {1: 0.0, 2: 5e-5, 5: 2.5e-5}  # quirk 13a: float32 tables of the reference, by steps


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
    from ditto.networks.lmdm import LMDM
    from ditto.official.denoiser import TorchDenoiser

    tensors = manifest["models"]["lmdm"]["tensors"]
    weights = filled({t["name"]: tuple(t["shape"]) for t in tensors})
    network = LMDM(1103).eval()
    missing, _ = network.load_state_dict({n: torch.from_numpy(a) for n, a in weights.items()}, strict=False)
    assert all(name.endswith("freqs") for name in missing)
    return TorchDenoiser(network, "cpu")


def expected_clips(case):
    return [case.expected[f"x{clip}"] for clip in range(len([n for n in case.expected if n[1:].isdigit()]))]


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
    near = np.full(steps - 1, 1e-5)
    near[:1] = 2e-4
    for path in ("np", "torch"):
        np.testing.assert_allclose(schedule.fresh, case.expected[f"sigma_{path}"], atol=1e-6, rtol=0)
        np.testing.assert_allclose(
            schedule.signal, case.expected[f"alpha_next_sqrt_{path}"], atol=1e-6, rtol=0
        )
        theirs = case.expected[f"c_{path}"]
        finite = np.isfinite(theirs)
        assert np.isfinite(schedule.noise).all()
        assert (np.abs(schedule.noise - theirs)[finite] <= near[finite]).all()


@pytest.mark.golden("diffusion", op="sample_fake")
def test_sampler_with_stored_noise(case):
    steps, frames, width = (case.options[name] for name in ("S", "F", "D"))
    draws = [*case.given["noise_steps"], case.given["x_init0"], case.given["x_init1"]]
    sampler = DiffusionSampler(Fake(), steps, window=frames, motion=width, keep_noise=True)
    noise = Replay(draws)
    for clip, expected in enumerate(expected_clips(case)):
        made = sampler.sample(case.given[f"cond_frame{clip}"][0], case.given[f"cond{clip}"][0], noise)
        bound = max(BADLY_CONDITIONED.get(steps, 5e-6), 5e-6)
        np.testing.assert_allclose(made, expected[0], atol=bound, rtol=0)


@pytest.mark.golden("diffusion", op="sample_numpy_seed")
def test_sampler_with_the_global_numpy_stream(case):
    frames, width = case.options["F"], case.options["D"]
    sampler = DiffusionSampler(Fake(), case.options["S"], window=frames, motion=width, keep_noise=True)
    noise = np.random.RandomState(case.options["numpy_seed"])
    for expected in expected_clips(case):
        made = sampler.sample(case.given["cond_frame"][0], case.given["cond"][0], noise)
        np.testing.assert_allclose(made, expected[0], atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.golden("diffusion", op="sample_real")
def test_sampler_with_the_real_network(case, real, made):
    steps, clips = case.options["S"], case.options["n_clips"]
    key = case.options["noise_key"]
    shape = [1, 80, 265]
    draws = [
        made({"kind": "normal", "key": key.replace("<k>", str(k)), "shape": shape})
        for k in range(steps - 1 + clips)
    ]
    sampler = DiffusionSampler(real, steps, keep_noise=True)
    noise = Replay(draws)
    for clip, expected in enumerate(expected_clips(case)):
        found = sampler.sample(case.given[f"cond_frame{clip}"][0], case.given[f"cond{clip}"][0], noise)
        np.testing.assert_allclose(found, expected[0], atol=REAL, rtol=0)


@pytest.mark.slow
@pytest.mark.golden("diffusion", op="sample_torch_seed")
def test_sampler_with_the_torch_stream(case, real):
    sampler = DiffusionSampler(real, case.options["S"], keep_noise=True)
    noise = TorchDraws(case.options["torch_seed"])
    for expected in expected_clips(case):
        found = sampler.sample(case.given["cond_frame"][0], case.given["cond"][0], noise)
        np.testing.assert_allclose(found, expected[0], atol=REAL, rtol=0)
    assert np.array_equal(noise.first.ravel()[:8], case.expected["first_step_noise_head"])
