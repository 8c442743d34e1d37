"""The stitching network: small corrections that keep shoulders and neck where they were."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KEYPOINTS = 21


class StitchNetwork(nn.Module):
    """Two (B, 21, 3) sets of keypoints, at rest and driven, to corrected driven ones."""

    def __init__(self) -> None:
        super().__init__()
        widths = (2 * 3 * KEYPOINTS, 128, 128, 64, 3 * KEYPOINTS + 2)
        layers: list[nn.Module] = []
        for wide, next_wide in itertools.pairwise(widths):
            layers += [nn.Linear(wide, next_wide), nn.ReLU()]
        self.mlp = nn.Sequential(*layers[:-1])

    def forward(self, kp_source: Tensor, kp_driving: Tensor) -> Tensor:
        change = self.mlp(torch.cat([kp_source.flatten(1), kp_driving.flatten(1)], dim=1))
        each, shift = change.split((3 * KEYPOINTS, 2), dim=1)
        everywhere = F.pad(shift, (0, 1))[:, None]  # x and y move together, z does not
        moved: Tensor = kp_driving + each.unflatten(1, (KEYPOINTS, 3)) + everywhere
        return moved
