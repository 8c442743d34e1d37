"""The decoder: paints a warped feature map as a face (SPADE generator)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.networks.blocks import SpectralConv2d

FEATURES = 256  # channels of the warped map, which also guides every block
SLOPE = 0.2  # of the activations below zero


class Guided(nn.Module):
    """Instance norm whose scale and shift at each place come from the guide."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = 128
        self.mlp_shared = nn.Sequential(nn.Conv2d(FEATURES, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        shared = self.mlp_shared(F.interpolate(guide, size=x.shape[2:], mode="nearest"))
        out: Tensor = F.instance_norm(x) * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared)
        return out


class GuidedBlock(nn.Module):
    """Two guided convolutions beside a shortcut, itself guided where the width changes."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        middle = min(channels, features)
        self.conv_0 = SpectralConv2d(channels, middle, 3)
        self.conv_1 = SpectralConv2d(middle, features, 3)
        self.norm_0 = Guided(channels)
        self.norm_1 = Guided(middle)
        self._narrows = channels != features
        if self._narrows:
            self.conv_s = SpectralConv2d(channels, features, 1, bias=False)
            self.norm_s = Guided(channels)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        inner = self.conv_0(F.leaky_relu(self.norm_0(x, guide), SLOPE))
        inner = self.conv_1(F.leaky_relu(self.norm_1(inner, guide), SLOPE))
        out: Tensor = inner + (self.conv_s(self.norm_s(x, guide)) if self._narrows else x)
        return out


class Decoder(nn.Module):
    """(B, 256, 64, 64) features to (B, 3, 512, 512) RGB in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Conv2d(FEATURES, 512, 3, padding=1)
        self.G_middle_0 = GuidedBlock(512, 512)
        self.G_middle_1 = GuidedBlock(512, 512)
        self.G_middle_2 = GuidedBlock(512, 512)
        self.G_middle_3 = GuidedBlock(512, 512)
        self.G_middle_4 = GuidedBlock(512, 512)
        self.G_middle_5 = GuidedBlock(512, 512)
        self.up_0 = GuidedBlock(512, 256)
        self.up_1 = GuidedBlock(256, 64)
        self.conv_img = nn.Sequential(nn.Conv2d(64, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, feature: Tensor) -> Tensor:
        x = self.fc(feature)
        for block in (
            self.G_middle_0,
            self.G_middle_1,
            self.G_middle_2,
            self.G_middle_3,
            self.G_middle_4,
            self.G_middle_5,
        ):
            x = block(x, feature)
        for block in (self.up_0, self.up_1):
            x = block(F.interpolate(x, scale_factor=2.0, mode="nearest"), feature)
        return torch.sigmoid(self.conv_img(F.leaky_relu(x, SLOPE)))
