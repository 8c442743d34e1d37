"""The official motion denoiser behind the sampler, from a graph file or from PyTorch weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ditto.messages import Floats
from ditto.motion.diffusion import Denoise
from ditto.official.backend import Network

if TYPE_CHECKING:
    from ditto.networks.lmdm import LMDM


class GraphDenoiser:
    """A graph with the official inputs; it is told the conditions again at every step."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def prepare(self, conditions: Floats, times: npt.NDArray[np.int64]) -> Denoise:
        def denoise(x: Floats, before: Floats, step: int) -> tuple[Floats, Floats]:
            feeds = {
                "x": np.ascontiguousarray(x, np.float32),
                "cond_frame": before,
                "cond": conditions,
                "time_cond": times[step : step + 1],
            }
            outputs = self._network.run(feeds)
            return outputs["pred_noise"], outputs["x_start"]

        return denoise


class TorchDenoiser:
    """The network itself: conditions and times encoded once a window, guidance as one batch of two."""

    def __init__(self, network: LMDM, device: str) -> None:
        import torch

        self._torch = torch
        self._device = torch.device(device)
        self._network = network.to(self._device)

    @classmethod
    def load(cls, path: Path, device: str) -> TorchDenoiser:
        from ditto.networks.checkpoint import load
        from ditto.networks.lmdm import LMDM
        from model_formats.torch_file import available

        network = load("lmdm", path)
        assert isinstance(network, LMDM)
        return cls(network, str(available(device)))

    def prepare(self, conditions: Floats, times: npt.NDArray[np.int64]) -> Denoise:
        torch = self._torch
        with torch.inference_mode():
            heard = torch.from_numpy(np.ascontiguousarray(conditions)).to(self._device)
            encoded = self._network.encode(heard, torch.from_numpy(times).to(self._device))

        def denoise(x: Floats, before: Floats, step: int) -> tuple[Floats, Floats]:
            with torch.inference_mode():
                noisy = torch.from_numpy(np.ascontiguousarray(x, np.float32)).to(self._device)
                previous = torch.from_numpy(np.ascontiguousarray(before)).to(self._device)
                noise, clean = self._network.denoise(noisy, previous, encoded, step)
                return noise.cpu().numpy(), clean.cpu().numpy()

        return denoise
