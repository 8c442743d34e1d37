"""Layers that several of the official networks share, ready to be folded for inference.

Attribute names follow the official state dicts, so that a checkpoint loads strictly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval


@runtime_checkable
class Foldable(Protocol):
    """A module that can merge a fixed normalisation into the weights beside it."""

    def fold(self) -> None: ...


def fold(network: nn.Module) -> nn.Module:
    """The same function with batch and spectral norms merged into weights; state names change."""
    for module in list(network.modules()):
        if isinstance(module, Foldable):
            module.fold()
    return network


class ConvNorm(nn.Module):
    """Convolution and batch norm, size kept: the start of most blocks."""

    norm: nn.Module
    conv: nn.Module

    def __init__(self, channels: int, features: int, kernel: int = 3, volume: bool = False) -> None:
        super().__init__()
        if volume:
            self.conv = nn.Conv3d(channels, features, kernel, padding=kernel // 2)
            self.norm = nn.BatchNorm3d(features)
        else:
            self.conv = nn.Conv2d(channels, features, kernel, padding=kernel // 2)
            self.norm = nn.BatchNorm2d(features)

    def normalised(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.conv(x))
        return out

    def fold(self) -> None:
        if not isinstance(self.norm, nn.Identity):
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)  # type: ignore[type-var,arg-type]
            self.norm = nn.Identity()


class Same2d(ConvNorm):
    """Features of the same size."""

    def __init__(self, channels: int, features: int, slope: float = 0.0) -> None:
        super().__init__(channels, features)
        self._slope = slope  # of the activation below zero

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.normalised(x), self._slope)


class Down2d(ConvNorm):
    """Features of half the height and width."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.relu(self.normalised(x)), 2)


class Down3d(ConvNorm):
    """Features of half the height and width, all of the depth."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__(channels, features, volume=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool3d(F.relu(self.normalised(x)), (1, 2, 2))


class Up3d(ConvNorm):
    """Features of twice the height and width, all of the depth."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__(channels, features, volume=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.normalised(F.interpolate(x, scale_factor=(1.0, 2.0, 2.0))))


class Residual3d(nn.Module):
    """A feature volume refined by two convolutions, each normalised before it."""

    norm2: nn.Module

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(features, features, 3, padding=1)
        self.conv2 = nn.Conv3d(features, features, 3, padding=1)
        self.norm1 = nn.BatchNorm3d(features)
        self.norm2 = nn.BatchNorm3d(features)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm2(self.conv1(F.relu(self.norm1(x))))
        out: Tensor = self.conv2(F.relu(inner)) + x
        return out

    def fold(self) -> None:
        if isinstance(self.norm2, nn.BatchNorm3d):
            self.conv1 = fuse_conv_bn_eval(self.conv1, self.norm2)
            self.norm2 = nn.Identity()


class SpectralConv2d(nn.Module):
    """Convolution whose kernel is divided by its largest singular value, u . (W v)."""

    def __init__(self, channels: int, features: int, kernel: int, bias: bool = True) -> None:
        super().__init__()
        self.weight_orig = nn.Parameter(torch.empty(features, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None
        self.weight_u: Tensor | None
        self.weight_v: Tensor | None
        self.register_buffer("weight_u", torch.ones(features))
        self.register_buffer("weight_v", torch.ones(channels * kernel * kernel))
        nn.init.kaiming_uniform_(self.weight_orig, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self._kernel(), self.bias, padding=self.weight_orig.shape[-1] // 2)

    def _kernel(self) -> Tensor:
        if self.weight_u is None or self.weight_v is None:
            return self.weight_orig
        return self.weight_orig / torch.dot(self.weight_u, self.weight_orig.flatten(1) @ self.weight_v)

    def fold(self) -> None:
        self.weight_orig = nn.Parameter(self._kernel().detach(), requires_grad=False)
        self.weight_u = self.weight_v = None


def coordinates(size: Sequence[int], like: Tensor) -> Tensor:
    """(depth, height, width, 3) of x right, y down, z inwards, each from -1 to 1."""
    z, y, x = (2 * (torch.arange(n, dtype=like.dtype, device=like.device) / (n - 1)) - 1 for n in size)
    return torch.stack([x.expand(size), y[:, None].expand(size), z[:, None, None].expand(size)], dim=-1)
