from __future__ import annotations

import numpy as np
import pytest

from ditto.motion.diffusion import DiffusionSampler, cumulative_alphas, make_schedule, time_pairs
from ditto.packs.official.denoiser import GraphDenoiser


class TowardsTheConditions:
    """A denoiser that sees the conditions in any noise."""

    def prepare(self, conditions, times):
        self.times = times

        def denoise(x, previous, step):
            alpha = max(cumulative_alphas()[times[step]], 1e-9)
            clean = conditions + previous[:, None]
            return ((x - np.sqrt(alpha) * clean) / np.sqrt(1 - alpha)).astype(np.float32), clean

        return denoise


def sampler(steps, **options):
    return DiffusionSampler(TowardsTheConditions(), steps, window=4, motion=3, **options)


def inputs():
    return np.full(3, 0.5, np.float32), np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 10, 26, 50, 1000])
def test_every_number_of_steps_gives_finite_motion(steps):
    schedule = make_schedule(steps)
    assert all(np.isfinite(a).all() for a in (schedule.signal, schedule.noise, schedule.fresh))
    previous, conditions = inputs()
    made = sampler(steps).sample(previous, conditions, np.random.default_rng(0))
    assert np.allclose(made, conditions + 0.5)


@pytest.mark.parametrize("steps", [1, 3, 50, 1000])
def test_steps_lead_from_noise_to_clean_without_a_gap(steps):
    pairs = time_pairs(steps)
    assert (pairs[0][0], pairs[-1][1], len(pairs)) == (999, -1, steps)
    assert [to for _, to in pairs[:-1]] == [start for start, _ in pairs[1:]]
    assert all(start > to for start, to in pairs)


@pytest.mark.parametrize("steps", [3, 5, 50])
def test_a_step_keeps_the_power_of_the_signal(steps):
    schedule = make_schedule(steps)
    power = schedule.signal**2 + schedule.noise**2 + schedule.fresh**2
    assert np.allclose(power, 1)


@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_impossible_numbers_of_steps_are_refused(steps):
    with pytest.raises(ValueError, match=f"{steps} sampling steps, but there are from 1 to 1000"):
        make_schedule(steps)


class FirstNoise:
    """A denoiser that takes all noise for motion."""

    def prepare(self, conditions, times):
        return lambda x, previous, step: (x, x)


def test_noise_is_fresh_for_every_window_unless_it_is_kept():
    def second_windows(keep):
        made = DiffusionSampler(FirstNoise(), 5, window=4, motion=3, keep_noise=keep)
        first_draw = np.random.default_rng(0)
        made.sample(*inputs(), first_draw)
        return [made.sample(*inputs(), np.random.default_rng(1)) for _ in range(2)]

    kept, fresh = second_windows(True), second_windows(False)
    assert np.array_equal(*kept) and np.array_equal(*fresh)
    assert not np.allclose(kept[0], fresh[0])


def test_the_same_generator_state_gives_the_same_motion():
    made = DiffusionSampler(FirstNoise(), 10, window=4, motion=3)
    first, same, other = (made.sample(*inputs(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_a_graph_is_run_once_a_step_with_the_official_inputs():
    class Graph:
        def __init__(self):
            self.fed, self.times = [], []

        def run(self, feeds):
            self.fed.append({name: (array.shape, array.dtype.name) for name, array in feeds.items()})
            self.times.append(int(feeds["time_cond"][0]))
            return {"pred_noise": feeds["x"], "x_start": feeds["x"]}

    graph = Graph()
    made = DiffusionSampler(GraphDenoiser(graph), 4)
    out = made.sample(np.zeros(265, np.float32), np.zeros((80, 1103), np.float32), np.random.default_rng(0))
    assert out.shape == (80, 265) and out.dtype == np.float32
    assert graph.times == [start for start, _ in time_pairs(4)]
    assert graph.fed[0] == {
        "x": ((1, 80, 265), "float32"),
        "cond_frame": ((1, 265), "float32"),
        "cond": ((1, 80, 1103), "float32"),
        "time_cond": ((1,), "int64"),
    }
