"""The official motion denoiser behind the sampler, from a graph file or from PyTorch weights.

Not run on a GPU yet: tested on the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError
from ditto.arrays import Floats
from ditto.motion.diffusion import Denoise
from model_formats.backend import Network, NetworkArray

if TYPE_CHECKING:
    from torch import Tensor

    from ditto.packs.official.networks.lmdm import LMDM


def predicted(outputs: Mapping[str, NetworkArray]) -> tuple[Floats, Floats]:
    """The noise in a window, and the motion without it."""
    return np.asarray(outputs["pred_noise"]), np.asarray(outputs["x_start"])


class GraphDenoiser:
    """A graph with the official inputs; it is told the conditions again at every step."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def prepare(self, conditions: Floats, times: npt.NDArray[np.int64]) -> Denoise:
        def denoise(x: Floats, before: Floats, step: int) -> tuple[Floats, Floats]:
            feeds: dict[str, NetworkArray] = {
                "x": np.ascontiguousarray(x, np.float32),
                "cond_frame": before,
                "cond": conditions,
                "time_cond": times[step : step + 1],
            }
            outputs = self._network.run(feeds)
            return predicted(outputs)

        return denoise


class HalvedDenoiser:
    """Two graphs: one tells the conditions and times of a window, the other does its steps."""

    def __init__(self, window: Network, step: Network) -> None:
        self._window = window
        self._step = step

    def prepare(self, conditions: Floats, times: npt.NDArray[np.int64]) -> Denoise:
        prepared = self._window.run({"cond": conditions, "times": times})

        def denoise(x: Floats, before: Floats, step: int) -> tuple[Floats, Floats]:
            feeds: dict[str, NetworkArray] = {
                "x": np.ascontiguousarray(x, np.float32),
                "cond_frame": before,
                "step": np.array([step], np.int64),
            }
            outputs = self._step.run({**feeds, **prepared})
            return predicted(outputs)

        return denoise


class TorchDenoiser:
    """The network itself: conditions and times encoded once a window, guidance as one batch of two."""

    def __init__(self, network: LMDM, device: str, precision: str = "fp32") -> None:
        import torch

        from ditto.packs.official.networks.on_gpu import rounded
        from ditto.packs.official.networks.quick_denoiser import QuickDenoiser
        from model_formats.processor import lacks
        from model_formats.torch_device import half_of, stream_ahead

        self._torch = torch
        self._device = torch.device(device)
        if self._device.type == "cpu" and (reason := lacks(precision)):
            raise ModelError(f"denoiser: {reason}")
        self._half = half_of(precision)
        self._tf32 = precision == "tf32"
        if self._device.type == "cuda":
            network = rounded(network, self._half)
        self._network: LMDM | QuickDenoiser = network
        if self._device.type == "cpu" and precision != "fp16":
            with torch.inference_mode():
                self._network = QuickDenoiser(network, self._half or torch.float32)
            self._half = None
        self._network.to(self._device)
        self._stream = stream_ahead(self._device)

    def prepare(self, conditions: Floats, times: npt.NDArray[np.int64]) -> Denoise:
        step_of: Callable[..., tuple[Tensor, Tensor]] = self._network.denoise
        with self._running():
            encoded = self._network.encode(
                self._placed(conditions), self._torch.from_numpy(times).to(self._device)
            )

        def denoise(x: Floats, before: Floats, step: int) -> tuple[Floats, Floats]:
            with self._running():
                noise, clean = step_of(self._placed(x), self._placed(before), encoded, step)
                return noise.float().cpu().numpy(), clean.float().cpu().numpy()

        return denoise

    def close(self) -> None:
        """Ends the threads that a CPU works it out on."""
        from ditto.packs.official.networks.quick_denoiser import QuickDenoiser

        if isinstance(self._network, QuickDenoiser):
            self._network.close()

    def _placed(self, array: Floats) -> Tensor:
        from model_formats.torch_device import placed

        return placed(self._torch.from_numpy(np.ascontiguousarray(array, np.float32)), self._device)

    def _running(self) -> AbstractContextManager[None]:
        from model_formats.torch_device import computing

        return computing(self._device, self._half, self._tf32, self._stream)
