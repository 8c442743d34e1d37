"""Few-step diffusion sampling: the same denoiser along its deterministic path (DPM-Solver++).

The second-order multistep solver of "DPM-Solver++" (arXiv:2211.01095, algorithm 2): a step from time
t to s goes over h = lambda_s - lambda_t in half the logarithm of signal to noise, and the clean motion
found at two times in a row stands for its course between them. No noise is added on the way, so the
first noise alone decides which motion comes out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats
from ditto.motion.diffusion import MOTION_SIZE, TIMES, Denoiser, Doubles, Normal, cumulative_alphas

FIRST_TIME = 990  # time from which lambda is divided evenly
MAX_CARRIED_SHARE = 0.5  # of the last change that is carried on: more overshoots where steps in lambda grow


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The steps of one sampling run, S of them; the last one ends in clean motion."""

    times: npt.NDArray[np.int64]  # (S,) falling, where the denoiser is asked
    keep: Doubles  # (S - 1,) how much of x goes into the next x
    clean: Doubles  # (S - 1,) and how much of the clean motion
    before: Doubles  # (S - 1,) share of the clean motion's last change that is added to it


def make_path(steps: int) -> Path:
    if not 1 <= steps <= TIMES:
        raise ValueError(f"{steps} sampling steps, but there are from 1 to {TIMES}")
    times = spaced_times(steps)
    power = cumulative_alphas()[times]
    signal, noise = np.sqrt(power), np.sqrt(1 - power)
    h = np.diff(np.log(signal / noise))
    before = np.zeros(max(steps - 1, 0))
    before[1:] = np.minimum(h[1:] / (2 * h[:-1]), MAX_CARRIED_SHARE)
    return Path(times, noise[1:] / noise[:-1], -signal[1:] * np.expm1(-h), before)


def spaced_times(steps: int) -> npt.NDArray[np.int64]:
    """(steps,) different times from 999 to 0, halfway between even in time and even in lambda."""
    power = cumulative_alphas()
    ratio = np.log(power / (1 - power)) / 2
    even = np.linspace(TIMES - 1, 0, steps)
    # lambda runs away at the noisy end, where nothing is to be seen yet
    wanted = np.linspace(ratio[FIRST_TIME], ratio[0], steps)
    told = np.interp(wanted, ratio[::-1], np.arange(TIMES)[::-1])
    times = np.rint((even + told) / 2).astype(np.int64)
    times[0] = TIMES - 1
    ahead = np.arange(steps)[::-1]
    # no two alike: at least one apart from the clean end on, and from the noisy end on
    times = np.maximum.accumulate((times - ahead)[::-1])[::-1] + ahead
    return np.minimum(times, TIMES - 1 - np.arange(steps))


class FewStepSampler:
    """Motion for one window of conditions; docs/log/official_speed.md tells what few steps cost."""

    def __init__(
        self, denoiser: Denoiser, steps: int, *, window: int = 80, motion: int = MOTION_SIZE
    ) -> None:
        self.window = window
        self._denoiser = denoiser
        self._path = make_path(steps)
        self._shape = (1, window, motion)

    def sample(self, previous: Floats, conditions: Floats, rng: Normal) -> Floats:
        """(265,) the motion just before the window, (80, C) conditions -> (80, 265)."""
        path = self._path
        x = np.asarray(rng.standard_normal(self._shape), np.float32)
        denoise = self._denoiser.prepare(conditions[None], path.times)
        before = previous[None]
        last: Floats | None = None
        for step in range(len(path.keep)):
            _, clean = denoise(x, before, step)
            course = clean if last is None else clean + (clean - last) * np.float32(path.before[step])
            x = x * np.float32(path.keep[step]) + course * np.float32(path.clean[step])
            last = clean
        _, clean = denoise(x, before, len(path.keep))
        window: Floats = clean[0]
        return window
