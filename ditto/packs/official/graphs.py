"""The official networks as graphs: what each takes and gives, and which of its axes stay open.

The first six have the official names, so they stand in for the published files. The rest are the same
warp network and denoiser in halves, which do less: see `ditto/packs/official/networks/split.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ditto.packs.official.example_inputs import INTEGER_BOUNDS, SPREADS
from ditto.packs.official.networks.split import (
    DenoiserStep,
    DenoiserWindow,
    WarperFrame,
    WarperSource,
)

Axes = tuple[int | str, ...]  # a name where the size is open
SIZES = {"batch": 1, "steps": 3, "samples": 6480}  # while tracing; the window of live speech
OTHER_SIZES = {"batch": 2, "steps": 5, "samples": 9680}  # where a check tries the open axes
CONDITIONS = "conditions"  # an axis fixed by the weights: 1103, or fewer where some are not used
DENOISER_WIDTH, DENOISER_LAYERS = 512, 8  # of the denoiser

KEYPOINT_AXES: Axes = ("batch", 21, 3)
VOLUME: Axes = ("batch", 32, 16, 64, 64)
SMALL_VOLUME: Axes = ("batch", 4, 16, 64, 64)
MAP: Axes = ("batch", 256, 64, 64)
PICTURE: Axes = ("batch", 3, 256, 256)
MOTION_AXES: Axes = ("batch", 80, 265)
HEARD: Axes = (DENOISER_LAYERS, 2, "batch", 80, DENOISER_WIDTH)
TOLD: Axes = ("steps", DENOISER_LAYERS, 2, DENOISER_WIDTH)
PREPARED: Mapping[str, Axes] = {
    "keys": HEARD,
    "values": HEARD,
    "time_keys": TOLD,
    "time_values": TOLD,
    "modulation": ("steps", DENOISER_LAYERS, 2, "batch", 6 * DENOISER_WIDTH),
    "noise_from_x": ("steps",),
    "noise_from_start": ("steps",),
}
MEASURED: Mapping[str, Axes] = {
    "pitch": ("batch", 66),
    "yaw": ("batch", 66),
    "roll": ("batch", 66),
    "t": ("batch", 3),
    "exp": ("batch", 63),
    "scale": ("batch", 1),
    "kp": ("batch", 63),
}


@dataclass(frozen=True)
class Graph:
    """One graph to be written."""

    network: str  # role whose weights it holds
    inputs: Mapping[str, Axes]
    outputs: Mapping[str, Axes]
    tolerance: float  # largest difference from PyTorch, as a share of the largest value
    part: Callable[..., nn.Module] = field(default=lambda network: network)

    def open_axes(self) -> dict[str, dict[int, str]]:
        """Axes by place, of every input and output that has one."""
        named = {**self.inputs, **self.outputs}
        found = {
            name: {i: axis for i, axis in enumerate(axes) if isinstance(axis, str) and axis != CONDITIONS}
            for name, axes in named.items()
        }
        return {name: axes for name, axes in found.items() if axes}

    def example(self, sizes: Mapping[str, int], seed: int = 0) -> dict[str, Tensor]:
        """Numbers of the right shapes and of plausible sizes."""
        generator = torch.Generator().manual_seed(seed)
        made = {}
        for name, axes in self.inputs.items():
            shape = [axis if isinstance(axis, int) else sizes[axis] for axis in axes]
            if name in INTEGER_BOUNDS:
                made[name] = torch.randint(0, INTEGER_BOUNDS[name], shape, generator=generator)
            else:
                made[name] = SPREADS.get(name, 1.0) * torch.randn(shape, generator=generator)
        return made


CONDITIONED: Axes = ("batch", 80, CONDITIONS)
SPEECH = Graph("hubert", {"input_values": (1, "samples")}, {"encoding_out": ("rows", 1024)}, 1e-4)

GRAPHS: Mapping[str, Graph] = {
    "appearance_extractor": Graph("appearance_extractor", {"image": PICTURE}, {"pred": VOLUME}, 2e-5),
    "motion_extractor": Graph("motion_extractor", {"image": PICTURE}, MEASURED, 2e-5),
    "stitch_network": Graph(
        "stitch_network",
        {"kp_source": KEYPOINT_AXES, "kp_driving": KEYPOINT_AXES},
        {"out": KEYPOINT_AXES},
        1e-5,
    ),
    "warp_network": Graph(
        "warp_network",
        {"feature_3d": VOLUME, "kp_source": KEYPOINT_AXES, "kp_driving": KEYPOINT_AXES},
        {"out": MAP},
        1e-4,
    ),
    "decoder": Graph("decoder", {"feature": MAP}, {"output": ("batch", 3, 512, 512)}, 1e-4),
    "lmdm_v0.4_hubert": Graph(
        "lmdm",
        {"x": MOTION_AXES, "cond_frame": ("batch", 265), "cond": CONDITIONED, "time_cond": (1,)},
        {"pred_noise": MOTION_AXES, "x_start": MOTION_AXES},
        2e-5,
    ),
    "warp_source": Graph(
        "warp_network",
        {"feature_3d": VOLUME},
        {"compressed": SMALL_VOLUME, "still": SMALL_VOLUME},
        2e-5,
        WarperSource,
    ),
    "warp_frame": Graph(
        "warp_network",
        {
            "feature_3d": VOLUME,
            "compressed": SMALL_VOLUME,
            "still": SMALL_VOLUME,
            "kp_source": KEYPOINT_AXES,
            "kp_driving": KEYPOINT_AXES,
        },
        {"out": MAP},
        1e-4,
        WarperFrame,
    ),
    "lmdm_window": Graph("lmdm", {"cond": CONDITIONED, "times": ("steps",)}, PREPARED, 2e-5, DenoiserWindow),
    "lmdm_step": Graph(
        "lmdm",
        {"x": MOTION_AXES, "cond_frame": ("batch", 265), "step": (1,), **PREPARED},
        {"pred_noise": MOTION_AXES, "x_start": MOTION_AXES},
        2e-5,
        DenoiserStep,
    ),
}
