"""The denoiser with its steps recorded, so that a GPU is told of a whole step at once.

Not run on a GPU yet: tested with a recorder that runs on the processor.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ditto.arrays import Floats
from ditto.motion.diffusion import Denoise
from ditto.packs.official.denoiser import TorchDenoiser
from ditto.packs.official.networks.lmdm import LMDM
from ditto.packs.official.networks.split import DenoiserStep, DenoiserWindow
from model_formats.replay import Recorder, Replayed


class RecordedDenoiser(TorchDenoiser):
    """Each number of steps is recorded once; what a window was told stays where its steps read it."""

    def __init__(self, network: LMDM, device: str, precision: str, recorder: Recorder) -> None:
        super().__init__(network, device, precision)
        self._window = DenoiserWindow(network).to(self._device)
        self._step = Replayed("the denoiser's step", DenoiserStep(network).to(self._device), recorder)

    def prepare(self, conditions: Floats, times: npt.NDArray[np.int64]) -> Denoise:
        with self._running():
            told = self._window(self._placed(conditions), torch.from_numpy(times).to(self._device))
            places = torch.arange(len(times), device=self._device)

        def denoise(x: Floats, before: Floats, step: int) -> tuple[Floats, Floats]:
            with self._running():
                noise, clean = self._step(
                    self._placed(x), self._placed(before), places[step : step + 1], *told
                )
                return noise.float().cpu().numpy(), clean.float().cpu().numpy()

        return denoise
