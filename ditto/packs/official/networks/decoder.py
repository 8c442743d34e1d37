"""The decoder: paints a warped feature map as a face (SPADE generator)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.packs.official.networks.blocks import SpectralConv2d

FEATURES = 256  # channels of the warped map, which also guides every block
SLOPE = 0.2  # of the activations below zero
Spans = tuple[tuple[int, int], ...]  # half-open


class GuideConv(nn.Conv2d):
    """A 3 x 3 convolution of the guide enlarged `scale` times, worked out at the guide's own size.

    Within an enlarged cell the kernel meets few different neighbourhoods: along an axis, rows at the
    start of a cell also see the cell before, rows at its end the cell after, the others only the cell
    itself. Each such case is a small convolution of the guide whose taps are sums of the kernel's.
    """

    def __init__(self, features: int, scale: int) -> None:
        super().__init__(FEATURES, features, 3, padding=1)
        self.scale = scale

    def forward(self, guide: Tensor) -> Tensor:
        """(B, 256, H, W) to (B, features, scale H, scale W)."""
        if self.scale == 1:
            return super().forward(guide)
        height, width = guide.shape[2:]
        padded = F.pad(guide, (1, 1, 1, 1))
        cases: dict[tuple[int, int], Tensor] = {}
        for y, (top, tall) in enumerate(CASES):
            for x, (left, wide) in enumerate(CASES):
                if 1 in (y, x) and self.scale == 2:
                    continue  # every row of a cell of two is at its start or its end
                seen = padded[:, :, top : top + height + len(tall) - 1, left : left + width + len(wide) - 1]
                cases[y, x] = F.conv2d(seen, taps(self.weight, tall, wide), self.bias)
        order = [0, *[1] * (self.scale - 2), 2]
        rows = [torch.stack([cases[y, x] for x in order], dim=-1).flatten(3) for y in order]
        return torch.stack(rows, dim=3).flatten(2, 3)


# For a row at the start, in the middle and at the end of a cell: the first padded row it sees, and
# which of the kernel's three rows fall on each of the rows it sees.
CASES = ((0, ((0, 1), (1, 3))), (1, ((0, 3),)), (1, ((0, 2), (2, 3))))


def taps(kernel: Tensor, tall: Spans, wide: Spans) -> Tensor:
    """(O, I, 3, 3) with its rows and columns summed over the given spans."""
    summed = torch.stack([kernel[:, :, a:b].sum(dim=2) for a, b in tall], dim=2)
    return torch.stack([summed[:, :, :, a:b].sum(dim=3) for a, b in wide], dim=3)


class Guided(nn.Module):
    """Instance norm whose scale and shift at each place come from the guide."""

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        hidden = 128
        self.mlp_shared = nn.Sequential(GuideConv(hidden, scale), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        shared = self.mlp_shared(guide)
        out: Tensor = F.instance_norm(x) * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared)
        return out


class GuidedBlock(nn.Module):
    """Two guided convolutions beside a shortcut, itself guided where the width changes.

    What it works on is `scale` times as high and wide as the guide.
    """

    def __init__(self, channels: int, features: int, scale: int = 1) -> None:
        super().__init__()
        middle = min(channels, features)
        self.conv_0 = SpectralConv2d(channels, middle, 3)
        self.conv_1 = SpectralConv2d(middle, features, 3)
        self.norm_0 = Guided(channels, scale)
        self.norm_1 = Guided(middle, scale)
        self.narrows = channels != features
        if self.narrows:
            self.conv_s = SpectralConv2d(channels, features, 1, bias=False)
            self.norm_s = Guided(channels, scale)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        inner = self.conv_0(F.leaky_relu(self.norm_0(x, guide), SLOPE))
        inner = self.conv_1(F.leaky_relu(self.norm_1(inner, guide), SLOPE))
        out: Tensor = inner + (self.conv_s(self.norm_s(x, guide)) if self.narrows else x)
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
        self.up_0 = GuidedBlock(512, 256, scale=2)
        self.up_1 = GuidedBlock(256, 64, scale=4)
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
