"""Reads the official .pth files: weights only, strictly, each by its own structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from cfg.errors import ModelError
from ditto.packs.official.networks.appearance_extractor import AppearanceExtractor
from ditto.packs.official.networks.blocks import fold
from ditto.packs.official.networks.decoder import Decoder
from ditto.packs.official.networks.lmdm import LMDM
from ditto.packs.official.networks.motion_extractor import MotionExtractor
from ditto.packs.official.networks.on_gpu import rounded
from ditto.packs.official.networks.quick_decoder import QuickDecoder
from ditto.packs.official.networks.quick_warp import QuickWarp
from ditto.packs.official.networks.stitching import StitchNetwork
from ditto.packs.official.networks.warping import WarpNetwork
from model_formats.backend import Shape, TorchNetwork
from model_formats.torch_weights import read_weights

MAX_SHOWN = 3  # names of a list of differences that fit in one line


@dataclass(frozen=True)
class Official:
    """One of the official networks: how it is built, and how its checkpoint is wrapped."""

    build: Callable[[Mapping[str, Tensor]], nn.Module]  # from the weights it is going to hold
    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    key: str | None = None  # of the dict in the file that holds the weights
    prefix: str = ""  # dropped wherever it occurs in a name
    whole: frozenset[str] = frozenset()  # inputs that are integers
    on_cpu: Callable[..., nn.Module] | None = None  # rearranges it, folded, for a CPU in fp32


def _lmdm(weights: Mapping[str, Tensor]) -> LMDM:
    projection = weights.get("cond_projection.weight")
    if projection is None or projection.ndim != 2:
        raise ModelError("it has no matrix 'cond_projection.weight', so it is not a motion denoiser")
    return LMDM(projection.shape[1])


_KEYPOINTS: Shape = (None, 21, 3)
_VOLUME: Shape = (None, 32, 16, 64, 64)
_MAP: Shape = (None, 256, 64, 64)
_PICTURE: Shape = (None, 3, 256, 256)
_WINDOW: Shape = (None, 80, 265)

NETWORKS: Mapping[str, Official] = {
    "appearance_extractor": Official(lambda _: AppearanceExtractor(), {"image": _PICTURE}, {"pred": _VOLUME}),
    "motion_extractor": Official(
        lambda _: MotionExtractor(),
        {"image": _PICTURE},
        {
            "pitch": (None, 66),
            "yaw": (None, 66),
            "roll": (None, 66),
            "t": (None, 3),
            "exp": (None, 63),
            "scale": (None, 1),
            "kp": (None, 63),
        },
    ),
    "warp_network": Official(
        lambda _: WarpNetwork(),
        {"feature_3d": _VOLUME, "kp_source": _KEYPOINTS, "kp_driving": _KEYPOINTS},
        {"out": _MAP},
        on_cpu=QuickWarp,
    ),
    "decoder": Official(
        lambda _: Decoder(), {"feature": _MAP}, {"output": (None, 3, 512, 512)}, on_cpu=QuickDecoder
    ),
    "stitch_network": Official(
        lambda _: StitchNetwork(),
        {"kp_source": _KEYPOINTS, "kp_driving": _KEYPOINTS},
        {"out": _KEYPOINTS},
        key="retarget_shoulder",
        prefix="module.",
    ),
    "lmdm": Official(
        _lmdm,
        {"x": _WINDOW, "cond_frame": (None, 265), "cond": (None, 80, None), "time_cond": (1,)},
        {"pred_noise": _WINDOW, "x_start": _WINDOW},
        key="model_state_dict",
        whole=frozenset({"time_cond"}),
    ),
}


def network(name: str) -> TorchNetwork:
    """Recipe by which `open_model` runs the official network of that name from its .pth file."""
    official = NETWORKS[name]
    return TorchNetwork(
        load=lambda path: load(name, path),
        inputs=official.inputs,
        outputs=official.outputs,
        whole=official.whole,
        on_cpu=official.on_cpu,
        on_gpu=rounded,
    )


def load(name: str, path: Path) -> nn.Module:
    """The network of that name with the weights of a file, ready for inference, its norms folded."""
    return fold(filled(name, official_weights(name, path)))


def filled(name: str, weights: Mapping[str, Tensor]) -> nn.Module:
    """The network of that name with these weights, as it was published."""
    with torch.device("meta"):  # no time is spent on initial values
        module = NETWORKS[name].build(weights)
    module.load_state_dict(weights, strict=True, assign=True)
    return module.requires_grad_(False).eval()


def official_weights(name: str, path: Path) -> dict[str, Tensor]:
    """The weights of that network in a file, by their names, in fp32."""
    official = NETWORKS[name]
    weights = _unwrapped(official, path, read_weights(path))
    try:
        with torch.device("meta"):
            _check(official.build(weights).state_dict(), weights)
    except ModelError as error:
        raise ModelError(f"{path} does not fit the network '{name}': {error}") from error
    return {n: w.float() if w.is_floating_point() else w for n, w in weights.items()}


def _unwrapped(official: Official, path: Path, content: object) -> dict[str, Tensor]:
    if official.key is not None:
        if not isinstance(content, Mapping) or official.key not in content:
            raise ModelError(f"{path} has no entry '{official.key}'; is it the right checkpoint?")
        content = content[official.key]
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise ModelError(f"{path} is not a table of named tensors; is it the right checkpoint?")
    drop = official.prefix
    return {name.replace(drop, "") if drop else name: value for name, value in content.items()}


def _check(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Raises ModelError that names what is missing, unknown or of the wrong shape."""
    wrong = [
        f"{name} has shape {tuple(given[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in given and given[name].shape != tensor.shape
    ]
    faults = [
        f"{len(found)} {what}: {', '.join(found[:MAX_SHOWN])}{', ...' if len(found) > MAX_SHOWN else ''}"
        for what, found in (
            ("missing", [n for n in wanted if n not in given]),
            ("unknown", [n for n in given if n not in wanted]),
            ("of the wrong shape", wrong),
        )
        if found
    ]
    if faults:
        raise ModelError("; ".join(faults))
