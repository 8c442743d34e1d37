"""A convolution with a wide kernel as products of frequencies.

Rows and columns of overlapping squares are turned into waves by two matrix products (a square is
small enough that a fast transform would gain nothing over them), multiplied by the kernel's waves,
and turned back. Of each square of 28 x 28 places, 22 x 22 results of a 7 x 7 kernel are kept: 6.5 real
products each in place of 49.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ditto.packs.official.networks.winograd import Scratch

TILE_SIDE = 28  # places along one side
WAVES = TILE_SIDE // 2 + 1  # along a row, whose values are real


class FrequencyConv:
    """A convolution of a volume by a wide kernel, border of zeros, (D, H, W, C) to (D, H, W, O)."""

    def __init__(self, weight: Tensor, bias: Tensor, scratch: Scratch) -> None:
        """`weight` is (O, C, depth, size, size)."""
        exact = weight.detach().double()
        self.features = len(weight)
        self._taps, self._beside = exact.shape[2], exact.shape[3] // 2
        self._kept = TILE_SIDE - 2 * self._beside  # results along a side of a square
        self._bias = bias.detach().float().clone()
        self._scratch = scratch
        self._kernels = waves_of(exact)
        cos, sin = angles(TILE_SIDE, TILE_SIDE)
        along_x = torch.stack([cos[:WAVES], -sin[:WAVES]], dim=1)  # (waves, 2, places)
        self._to_rows = along_x.flatten(0, 1).float().contiguous()
        self._to_columns = torch.cat([torch.cat([cos, sin], 1), torch.cat([-sin, cos], 1)]).float()
        cos, sin = cos[: self._kept] / TILE_SIDE, sin[: self._kept] / TILE_SIDE
        self._from_columns = torch.cat([torch.cat([cos, -sin], 1), torch.cat([sin, cos], 1)]).float()
        twice = torch.full((WAVES,), 2.0, dtype=torch.float64)
        twice[0] = twice[-1] = 1  # waves that are their own mirror image
        back = torch.stack([cos[:, :WAVES] * twice, -sin[:, :WAVES] * twice], dim=2)
        self._from_rows = back.flatten(1).float().contiguous()  # (kept, waves x 2)

    def __call__(self, x: Tensor, out: Tensor) -> Tensor:
        """Fills and gives `out`."""
        depth, height, width, channels = x.shape
        take, kept = self._scratch.take, self._kept
        down, across = -(-height // kept), -(-width // kept)
        squares = self._squares(x, down, across)  # (28 x, 28 y, D, down, across, C)
        rows = take("rows", WAVES, 2 * TILE_SIDE, depth * down * across, channels)
        torch.mm(self._to_rows, squares.view(TILE_SIDE, -1), out=rows.view(2 * WAVES, -1))
        back = take("back", WAVES, 2 * kept, depth * down * across * self.features)
        for wave, seen in enumerate(rows):
            self._columns(seen, self._kernels[wave], down * across, back[wave])
        made = take("squares", kept, kept, depth, down, across, self.features)
        torch.mm(self._from_rows, back.view(2 * WAVES, -1), out=made.view(kept, -1))
        placed = take("placed", depth, down, kept, across, kept, self.features)
        placed.copy_(made.permute(2, 3, 1, 4, 0, 5))
        whole = placed.view(depth, down * kept, across * kept, self.features)
        return torch.add(whole[:, :height, :width], self._bias, out=out)

    def _squares(self, x: Tensor, down: int, across: int) -> Tensor:
        depth, height, width, channels = x.shape
        kept, beside = self._kept, self._beside
        tall, wide = down * kept + 2 * beside, across * kept + 2 * beside
        padded = F.pad(x, (0, 0, beside, wide - width - beside, beside, tall - height - beside))
        layer, row, place, _ = padded.stride()
        shape = (TILE_SIDE, TILE_SIDE, depth, down, across, channels)
        overlapping = padded.as_strided(shape, (place, row, layer, kept * row, kept * place, 1))
        return self._scratch.take("squares", *shape).copy_(overlapping)

    def _columns(self, seen: Tensor, kernels: Tensor, tiles: int, back: Tensor) -> None:
        """One wave of the rows, (2 x 28, D tiles, C), through the kernel's, and its columns turned back."""
        take, beside = self._scratch.take, self._taps // 2 * tiles
        count, channels = seen.shape[1:]
        waves = take("waves", 2 * TILE_SIDE, count, channels)
        torch.mm(self._to_columns, seen.flatten(1), out=waves.flatten(1))
        padded = take("padded waves", 2 * TILE_SIDE, count + 2 * beside, channels)
        padded[:, :beside] = padded[:, beside + count :] = 0
        padded[:, beside : beside + count] = waves
        products = take("wave products", TILE_SIDE, count, 2 * self.features)
        torch.bmm(padded[:TILE_SIDE, :count], kernels[0, 0], out=products)
        for tap in range(self._taps):
            layers = slice(tap * tiles, tap * tiles + count)
            if tap:
                products.baddbmm_(padded[:TILE_SIDE, layers], kernels[tap, 0])
            products.baddbmm_(padded[TILE_SIDE:, layers], kernels[tap, 1])
        parts = take("parts", 2, TILE_SIDE, count, self.features)
        parts.copy_(products.view(TILE_SIDE, -1, 2, self.features).permute(2, 0, 1, 3))
        torch.mm(self._from_columns, parts.view(2 * TILE_SIDE, -1), out=back)


def angles(waves: int, places: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (waves, places) of each wave at each place, in double precision."""
    turns = torch.arange(waves, dtype=torch.float64)[:, None] * torch.arange(places, dtype=torch.float64)
    return torch.cos(2 * math.pi / TILE_SIDE * turns), torch.sin(2 * math.pi / TILE_SIDE * turns)


def waves_of(weight: Tensor) -> Tensor:
    """(O, C, depth, size, size) as (waves x, depth, 2, waves y, C, 2 O), real and imaginary side by side.

    The second axis is for the real and imaginary part of what is multiplied by the conjugate.
    """
    size = weight.shape[-1]
    cos_y, sin_y = angles(TILE_SIDE, size)
    cos_x, sin_x = angles(WAVES, size)
    turned = torch.einsum("ocdyx,vy,wx->wdvco", weight, cos_y, cos_x) - torch.einsum(
        "ocdyx,vy,wx->wdvco", weight, sin_y, sin_x
    )
    skew = -torch.einsum("ocdyx,vy,wx->wdvco", weight, sin_y, cos_x) - torch.einsum(
        "ocdyx,vy,wx->wdvco", weight, cos_y, sin_x
    )
    by_real = torch.cat([turned, -skew], dim=-1)
    by_imaginary = torch.cat([skew, turned], dim=-1)
    return torch.stack([by_real, by_imaginary], dim=2).float()
