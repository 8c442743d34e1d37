"""The warp network: moves a portrait's feature volume as its keypoints move.

A gaussian and a moved copy of the compressed volume for every keypoint, and one copy at rest, tell
an hourglass network which keypoint each place follows; the weighted sum of their shifts is the flow.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.packs.official.networks.appearance_extractor import CHANNELS, DEPTH
from ditto.packs.official.networks.blocks import ConvNorm, Down3d, Same2d, Up3d, coordinates
from ditto.packs.official.networks.stitching import KEYPOINTS

COMPRESSED = 4  # channels of the moved copies
VARIANCE = 0.01  # of a keypoint's gaussian
CANDIDATES = KEYPOINTS + 1  # what a place may follow: the background or a keypoint
LAYER_WIDTHS = (32, 64, 128, 256, 512, 1024)  # of the hourglass; the first is the output's share


def sample(volume: Tensor, grid: Tensor) -> Tensor:
    """(B, C, D, H, W) read at (B, D, H, W, 3) places in -1..1; outside it is 0."""
    return F.grid_sample(volume, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


class Encoder(nn.Module):
    """Ever smaller and wider volumes, the input first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels, *LAYER_WIDTHS[1:])
        self.down_blocks = nn.ModuleList(Down3d(*pair) for pair in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = [x]
        for block in self.down_blocks:
            levels.append(block(levels[-1]))
        return levels


class Expander(ConvNorm):
    """The volumes of the encoder joined again, from the smallest to full size."""

    def __init__(self, channels: int) -> None:
        features = channels + LAYER_WIDTHS[0]
        super().__init__(features, features, volume=True)
        last = len(LAYER_WIDTHS) - 1
        self.up_blocks = nn.ModuleList(
            Up3d(LAYER_WIDTHS[i] * (1 if i == last else 2), LAYER_WIDTHS[i - 1]) for i in range(last, 0, -1)
        )

    def forward(self, levels: list[Tensor]) -> Tensor:
        x, *skips = reversed(levels)
        for block, skip in zip(self.up_blocks, skips, strict=True):
            x = torch.cat([block(x), skip], dim=1)
        return F.relu(self.normalised(x))


class Hourglass(nn.Module):
    """A volume of `channels` features seen at six scales, as `channels + 32` features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.encoder = Encoder(channels)
        self.decoder = Expander(channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.decoder(self.encoder(x))
        return out


class DenseMotion(nn.Module):
    """The flow of every place of the volume, and how visible it stays."""

    norm: nn.Module

    def __init__(self) -> None:
        super().__init__()
        channels = CANDIDATES * (COMPRESSED + 1)
        features = channels + LAYER_WIDTHS[0]
        self.hourglass = Hourglass(channels)
        self.mask = nn.Conv3d(features, CANDIDATES, 7, padding=3)
        self.compress = nn.Conv3d(CHANNELS, COMPRESSED, 1)
        self.norm = nn.BatchNorm3d(COMPRESSED)
        self.occlusion = nn.Conv2d(features * DEPTH, 1, 7, padding=3)

    def forward(self, volume: Tensor, kp_source: Tensor, kp_driving: Tensor) -> tuple[Tensor, Tensor]:
        """Places to read from (B, 16, 64, 64, 3) and visibility (B, 1, 64, 64) in 0..1."""
        here = coordinates(volume.shape[2:], like=volume)
        origin = self._origins(here, kp_source, kp_driving)  # (B, 22, D, H, W, 3)
        moved = self._moved(volume, origin)  # (B, 22, 4, D, H, W)
        heat = gaussians(here, kp_driving) - gaussians(here, kp_source)
        heat = F.pad(heat, (0, 0, 0, 0, 0, 0, 1, 0))[:, :, None]  # the background has none
        seen = self.hourglass(torch.cat([heat, moved], dim=2).flatten(1, 2))
        follows = F.softmax(self.mask(seen), dim=1)  # (B, 22, D, H, W)
        flow = (origin * follows[..., None]).sum(dim=1)
        visible = torch.sigmoid(self.occlusion(seen.flatten(1, 2)))
        return flow, visible

    def _origins(self, here: Tensor, kp_source: Tensor, kp_driving: Tensor) -> Tensor:
        """Origins of each place, one for each candidate it could follow."""
        moved = here - spread(kp_driving) + spread(kp_source)
        still = here.expand(kp_source.shape[0], 1, *here.shape)
        return torch.cat([still, moved], dim=1)

    def _moved(self, volume: Tensor, origin: Tensor) -> Tensor:
        small = F.relu(self.norm(self.compress(volume)))
        copies = small[:, None].expand(-1, CANDIDATES, -1, -1, -1, -1).flatten(0, 1)
        return torch.unflatten(sample(copies, origin.flatten(0, 1)), 0, (-1, CANDIDATES))

    def fold(self) -> None:
        if isinstance(self.norm, nn.BatchNorm3d):
            self.compress = nn.utils.fusion.fuse_conv_bn_eval(self.compress, self.norm)
            self.norm = nn.Identity()


def spread(keypoints: Tensor) -> Tensor:
    """(B, n, 3) as (B, n, 1, 1, 1, 3)."""
    return keypoints[:, :, None, None, None]


def gaussians(here: Tensor, keypoints: Tensor) -> Tensor:
    """(B, n, D, H, W): 1 at each of the (B, n, 3) keypoints, falling off around it."""
    return torch.exp(-0.5 * ((here - spread(keypoints)) ** 2).sum(-1) / VARIANCE)


class WarpNetwork(nn.Module):
    """(B, 32, 16, 64, 64) features and two (B, 21, 3) sets of keypoints to (B, 256, 64, 64) features."""

    def __init__(self) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotion()
        self.third = Same2d(CHANNELS * DEPTH, 256, slope=0.01)
        self.fourth = nn.Conv2d(256, 256, 1)

    def forward(self, feature_3d: Tensor, kp_source: Tensor, kp_driving: Tensor) -> Tensor:
        flow, visible = self.dense_motion_network(feature_3d, kp_source, kp_driving)
        flat = sample(feature_3d, flow).flatten(1, 2)
        out: Tensor = self.fourth(self.third(flat)) * visible
        return out
