"""The few-step solver: on data whose best denoiser is known, it comes near soon, and stays as varied."""

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.reading import load
from ditto.motion.diffusion import DiffusionSampler, cumulative_alphas
from ditto.motion.dpm_solver import FewStepSampler, make_path

WIDTH = 16
FRAMES = 200
ALPHAS = cumulative_alphas()


class BestOf:
    """The exact denoiser of a mixture of bells, each of one spread around a mean."""

    def __init__(self, means, spread):
        self.means, self.spread = np.asarray(means, np.float64), spread
        self.asked = 0

    def prepare(self, conditions, times):
        def denoise(x, before, step):
            self.asked += 1
            share = ALPHAS[times[step]]
            variance = share * self.spread**2 + 1 - share
            off = x.astype(np.float64)[..., None, :] - np.sqrt(share) * self.means
            near = -(off**2).sum(-1) / (2 * variance)
            weight = np.exp(near - near.max(-1, keepdims=True))
            weight /= weight.sum(-1, keepdims=True)
            clean = (weight[..., None] * (self.means + np.sqrt(share) * self.spread**2 / variance * off)).sum(
                -2
            )
            noise = (x - np.sqrt(share) * clean) / np.sqrt(1 - share)
            return noise.astype(np.float32), clean.astype(np.float32)

        return denoise


def bell(spread=0.3):
    return BestOf(np.random.default_rng(3).standard_normal((1, WIDTH)), spread)


def hills(spread=0.15):
    return BestOf(np.random.default_rng(4).standard_normal((4, WIDTH)), spread)


def motion(kind, denoiser, steps, seed=0):
    sampler = kind(denoiser, steps, window=FRAMES, motion=WIDTH)
    nothing = np.zeros(WIDTH, np.float32)
    return sampler.sample(nothing, np.zeros((FRAMES, 3), np.float32), np.random.default_rng(seed))


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 50, 999, 1000])
def test_a_path_goes_from_noise_to_clean_in_as_many_different_times(steps):
    path = make_path(steps)
    assert path.times[0] == 999
    assert steps == 1 or path.times[-1] == 0
    assert (np.diff(path.times) < 0).all()
    assert len(path.times) == steps
    assert all(np.isfinite(a).all() and len(a) == steps - 1 for a in (path.keep, path.clean, path.before))


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_numbers_of_steps_are_refused(steps):
    with pytest.raises(ValueError, match="from 1 to 1000"):
        make_path(steps)


def test_the_denoiser_is_asked_once_a_step():
    denoiser = bell()
    motion(FewStepSampler, denoiser, 7)
    assert denoiser.asked == 7


def test_it_converges_to_the_known_end_of_the_path():
    """For one bell the path is a straight scaling of the noise around the mean."""
    denoiser = bell()
    noise = np.random.default_rng(0).standard_normal((1, FRAMES, WIDTH))[0]
    share = ALPHAS[999]
    start = np.sqrt(share * denoiser.spread**2 + 1 - share)
    truth = denoiser.means + denoiser.spread / start * (noise - np.sqrt(share) * denoiser.means)
    errors = [np.abs(motion(FewStepSampler, denoiser, steps) - truth).mean() for steps in (3, 5, 10)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 0.02 * denoiser.spread


def test_twenty_steps_lead_where_a_thousand_do():
    truth, near, nearer = (motion(FewStepSampler, hills(), steps) for steps in (1000, 10, 20))
    errors = [np.median(np.abs(made - truth).mean(-1)) / hills().spread for made in (near, nearer)]
    assert errors[0] < 0.1
    assert errors[1] < 0.02


def test_ten_steps_keep_the_spread_that_the_ancestral_sampler_loses():
    def spread(kind, steps):
        denoiser = hills()
        off = motion(kind, denoiser, steps)[:, None] - denoiser.means
        return np.sqrt((off**2).mean(-1)).min(1).mean() / denoiser.spread

    assert 0.9 < spread(FewStepSampler, 10) < 1.2
    assert spread(DiffusionSampler, 10) < 0.7


def test_the_same_noise_gives_the_same_motion_and_another_another():
    first, again, other = (motion(FewStepSampler, hills(), 10, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_the_originals_sampler_and_another_solver_exclude_each_other():
    with pytest.raises(ConfigError, match="remove one of them"):
        load("mini", motion={"solver": "dpm++"}, stream={"compat": "reference"})
