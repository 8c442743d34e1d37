"""The appearance extractor: a portrait as a volume of features that can be warped."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from ditto.packs.official.networks.blocks import Down2d, Residual3d, Same2d

CHANNELS, DEPTH = 32, 16  # of the feature volume


class AppearanceExtractor(nn.Module):
    """(B, 3, 256, 256) RGB in 0..1 to a (B, 32, 16, 64, 64) feature volume."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Same2d(3, 64)
        self.down_blocks = nn.ModuleList([Down2d(64, 128), Down2d(128, 256)])
        self.second = nn.Conv2d(256, CHANNELS * DEPTH, 1)
        self.resblocks_3d = nn.Sequential(OrderedDict((f"3dr{i}", Residual3d(CHANNELS)) for i in range(6)))

    def forward(self, image: Tensor) -> Tensor:
        features = self.first(image)
        for block in self.down_blocks:
            features = block(features)
        volume: Tensor = self.resblocks_3d(self.second(features).unflatten(1, (CHANNELS, DEPTH)))
        return volume
