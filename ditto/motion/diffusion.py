"""Diffusion sampling of motion: the cosine schedule, its steps, and the ancestral sampler.

The symbols are those of "Denoising Diffusion Implicit Models" (arXiv:2010.02502, equation 12) with
eta = 1: a step goes from time t to an earlier time s, alpha is the share of the signal's power that
is left at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats

Doubles = npt.NDArray[np.float64]

TIMES = 1000  # diffusion times, 0 is clean
COSINE_OFFSET = 0.008
MAX_BETA = 0.999  # no single step may take away more of the signal's power
MOTION_SIZE = 265

# (1, F, D) noisy motion, (1, D) the frame before it, number of the step -> its noise and what is clean in it
Denoise = Callable[[Floats, Floats, int], tuple[Floats, Floats]]


class Denoiser(Protocol):
    """A motion denoiser, asked once per window and then once per step."""

    def prepare(self, conditions: Floats, times: npt.NDArray[np.int64]) -> Denoise:
        """(1, F, C) conditions and the (S,) times of the steps to come, in their order."""


class Normal(Protocol):
    """The one thing asked of a random generator."""

    def standard_normal(self, size: tuple[int, ...], /) -> npt.NDArray[np.generic]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """The steps of one sampling run, S of them; the last one has no coefficients."""

    times: npt.NDArray[np.int64]  # (S,) falling, the time each step starts from
    signal: Doubles  # (S - 1,) how much of the clean motion goes into the next x: sqrt(alpha_s)
    noise: Doubles  # (S - 1,) how much of the noise that was found: sqrt(1 - alpha_s - sigma^2)
    fresh: Doubles  # (S - 1,) how much new noise: sigma


def cumulative_alphas() -> Doubles:
    """(1000,) share of the signal's power that is left at each time."""
    grid = np.arange(TIMES + 1) / TIMES + COSINE_OFFSET
    power = np.cos(grid / (1 + COSINE_OFFSET) * np.pi / 2) ** 2
    betas = np.clip(1 - power[1:] / power[:-1], 0, MAX_BETA)
    return np.asarray(np.cumprod(1 - betas), np.float64)


def time_pairs(steps: int) -> list[tuple[int, int]]:
    """(from, to) of each step; the last one goes to -1, which is clean motion.

    The times are evenly spaced float32 numbers from -1 to 999 cut down to integers. Both halves
    are counted from their own end: float64, or counting from one end, cuts some to a neighbour.
    """
    spacing = np.float32(TIMES) / np.float32(steps)
    count = np.arange(steps + 1, dtype=np.float32)
    from_start = np.float32(-1) + spacing * count
    from_end = np.float32(TIMES - 1) - spacing * (np.float32(steps) - count)
    times = np.where(count < (steps + 1) // 2, from_start, from_end).astype(np.int64)[::-1].tolist()
    return list(pairwise(times))


def make_schedule(steps: int) -> Schedule:
    """Finite for every number of steps: what rounding pushes below a square root's zero is zero."""
    if not 1 <= steps <= TIMES:
        raise ValueError(f"{steps} sampling steps, but there are from 1 to {TIMES}")
    pairs = np.array(time_pairs(steps), np.int64)
    alphas = cumulative_alphas()
    alpha_t, alpha_s = alphas[pairs[:-1, 0]], alphas[pairs[:-1, 1]]
    variance = np.maximum((1 - alpha_t / alpha_s) * (1 - alpha_s) / (1 - alpha_t), 0)
    return Schedule(
        times=pairs[:, 0].copy(),
        signal=np.sqrt(alpha_s),
        noise=np.sqrt(np.maximum(1 - alpha_s - variance, 0)),
        fresh=np.sqrt(variance),
    )


class DiffusionSampler:
    """Motion for one window of conditions, denoised from noise in a number of steps."""

    def __init__(
        self,
        denoiser: Denoiser,
        steps: int,
        *,
        window: int = 80,
        motion: int = MOTION_SIZE,
        keep_noise: bool = False,
    ) -> None:
        """`keep_noise`: the noise added at the steps is drawn once and serves every window."""
        self.window = window
        self._denoiser = denoiser
        self._schedule = make_schedule(steps)
        self._shape = (1, window, motion)
        self._keep_noise = keep_noise
        self._kept: list[Floats] | None = None

    def sample(self, previous: Floats, conditions: Floats, rng: Normal) -> Floats:
        """(265,) the motion just before the window, (80, C) conditions -> (80, 265)."""
        schedule = self._schedule
        added = self._step_noise(rng)
        x = self._draw(rng)
        denoise = self._denoiser.prepare(conditions[None], schedule.times)
        before = previous[None]
        for step, fresh in enumerate(added):
            noise, clean = denoise(x, before, step)
            x = (
                clean * np.float32(schedule.signal[step])
                + noise * np.float32(schedule.noise[step])
                + fresh * np.float32(schedule.fresh[step])
            )
        _, clean = denoise(x, before, len(added))
        window: Floats = clean[0]
        return window

    def _step_noise(self, rng: Normal) -> list[Floats]:
        if self._kept is not None:
            return self._kept
        drawn = [self._draw(rng) for _ in self._schedule.times[1:]]
        if self._keep_noise:
            self._kept = drawn
        return drawn

    def _draw(self, rng: Normal) -> Floats:
        return np.asarray(rng.standard_normal(self._shape), np.float32)
