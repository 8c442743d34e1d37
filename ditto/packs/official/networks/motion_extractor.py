"""The motion extractor: where the head of a portrait is and what its face does (ConvNeXt V2, tiny)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.packs.official.networks.stitching import KEYPOINTS

BINS = 66  # of an angle
LEVEL_WIDTHS = (96, 192, 384, 768)
DEPTHS = (3, 3, 9, 3)
NORM_EPSILON = 1e-6


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ResponseNorm(nn.Module):
    """Scales each channel of (B, H, W, C) by its strength relative to the mean channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        strength = torch.sqrt(torch.sum(x * x, dim=(1, 2), keepdim=True))
        relative = strength / (strength.mean(dim=-1, keepdim=True) + NORM_EPSILON)
        return self.gamma * (x * relative) + self.beta + x


class Block(nn.Module):
    """A wide depthwise look around, then a mix of the channels at each place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.grn = ResponseNorm(4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        places = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        mixed: Tensor = self.pwconv2(self.grn(F.gelu(self.pwconv1(places))))
        return x + mixed.permute(0, 3, 1, 2)


class Detector(nn.Module):
    """The backbone and one linear head for each thing that is measured."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(
            nn.Conv2d(3, LEVEL_WIDTHS[0], 4, stride=4),
            ChannelNorm(LEVEL_WIDTHS[0], eps=NORM_EPSILON),
        )
        halvings = [
            nn.Sequential(ChannelNorm(wide, eps=NORM_EPSILON), nn.Conv2d(wide, wider, 2, stride=2))
            for wide, wider in itertools.pairwise(LEVEL_WIDTHS)
        ]
        self.downsample_layers = nn.ModuleList([stem, *halvings])
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth)))
            for width, depth in zip(LEVEL_WIDTHS, DEPTHS, strict=True)
        )
        last = LEVEL_WIDTHS[-1]
        self.norm = nn.LayerNorm(last, eps=NORM_EPSILON)
        self.fc_kp = nn.Linear(last, 3 * KEYPOINTS)
        self.fc_scale = nn.Linear(last, 1)
        self.fc_pitch = nn.Linear(last, BINS)
        self.fc_yaw = nn.Linear(last, BINS)
        self.fc_roll = nn.Linear(last, BINS)
        self.fc_t = nn.Linear(last, 3)
        self.fc_exp = nn.Linear(last, 3 * KEYPOINTS)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        for shrink, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(shrink(x))
        seen = self.norm(x.mean((-2, -1)))
        heads = (self.fc_pitch, self.fc_yaw, self.fc_roll, self.fc_t, self.fc_exp, self.fc_scale, self.fc_kp)
        return tuple(head(seen) for head in heads)


class MotionExtractor(nn.Module):
    """(B, 3, 256, 256) RGB in 0..1 to pitch, yaw, roll (66), t (3), exp (63), scale (1), kp (63)."""

    def __init__(self) -> None:
        super().__init__()
        self.detector = Detector()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        measured: tuple[Tensor, ...] = self.detector(image)
        return measured
