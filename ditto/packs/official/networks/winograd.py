"""3 x 3 convolutions worked out tile by tile (Winograd), for processors without a library that does it.

A tile of 4 x 4 results needs 36 products a channel pair in place of 144. Tiles are turned into 36
values that are products' left sides, multiplied by kernels turned likewise, and turned back; the
points that decide the three matrices are those with the least rounding error of several tried
(docs/log/official_speed.md). Pictures are (H, W, C) here: channels lie together, so every step is either a
matrix product or an operation on long rows.
"""

from __future__ import annotations

import math
import threading

import torch
from torch import Tensor
from torch.nn import functional as F

RESULTS, TAPS = 4, 3  # of a tile, along one axis
TILE_SEEN = RESULTS + TAPS - 1  # places a tile of results looks at
SAMPLED_AT = (0.0, math.sqrt(0.5), -math.sqrt(0.5), math.sqrt(2.0), -math.sqrt(2.0))
STRIP_VALUES = 1 << 17  # tiles x (channels in + out) worked on at once, so that they stay in the cache
MAX_TILES_AT_ONCE = 256  # at once


class Scratch:
    """Memory for intermediate values, kept between calls: fresh pages cost more than the arithmetic.

    One per network, which lets one thread in at a time: a call has all cores anyway.
    """

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}
        self.alone = threading.Lock()  # held during a call

    def take(self, name: str, *shape: int) -> Tensor:
        """Uninitialised numbers of that shape; they overwrite what `name` held before."""
        size = math.prod(shape)
        held = self._held.get(name)
        if held is None or held.numel() < size:
            held = self._held[name] = torch.empty(size)
        return held[:size].view(shape)


def transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Matrices for tiles (6, 6), kernels (6, 3) and results (4, 6), in double precision."""
    points = torch.tensor(SAMPLED_AT, dtype=torch.float64, device="cpu")
    count = len(SAMPLED_AT)
    tile = torch.zeros(TILE_SEEN, TILE_SEEN, dtype=torch.float64)
    kernel = torch.zeros(TILE_SEEN, TAPS, dtype=torch.float64)
    result = torch.zeros(RESULTS, TILE_SEEN, dtype=torch.float64)
    for i, point in enumerate(SAMPLED_AT):
        others = torch.cat([points[:i], points[i + 1 :]])
        tile[i, :count] = monic(others)
        kernel[i] = point ** torch.arange(TAPS) / torch.prod(point - others)
        result[:, i] = point ** torch.arange(RESULTS)
    tile[-1] = monic(points)
    kernel[-1, -1] = 1
    result[-1, -1] = 1
    share = torch.exp2((0.5 * torch.log2(tile.abs().sum(1) / kernel.abs().sum(1))).round())[:, None]
    return tile / share, kernel * share, result


def monic(roots: Tensor) -> Tensor:
    """Coefficients, lowest power first, of the polynomial with these roots."""
    coefficients = torch.ones(1, dtype=torch.float64)
    for root in roots:
        coefficients = F.pad(coefficients, (1, 0)) - root * F.pad(coefficients, (0, 1))
    return coefficients


class TiledConv:
    """A 3 x 3 or 3 x 3 x 3 convolution with a border of zeros, (N, H, W, C) to (N, H, W, O).

    Along N, pictures that stand for themselves or the layers of a volume, taps are applied one by one.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, scratch: Scratch) -> None:
        """`weight` is (O, C, 3, 3), or (O, C, 3, 3, 3) for volumes."""
        tile, kernel, result = transforms()
        exact = weight.detach().double()
        exact = exact if exact.ndim == 5 else exact[:, :, None]
        turned = torch.einsum("ik,jl,ocdkl->dijco", kernel, kernel, exact)
        self._kernels = turned.flatten(1, 2).float().contiguous()  # (1 or 3, 36, C, O)
        self._bias = None if bias is None else bias.detach().float().clone()
        self._to_products = torch.kron(tile, tile).float()  # (36, 36)
        self._to_results = torch.kron(result, result).float()  # (16, 36)
        self._scratch = scratch
        self.features = weight.shape[0]

    def __call__(self, x: Tensor, out: Tensor) -> Tensor:
        """Fills and gives `out`, any memory but that of `x`."""
        count, height, width, channels = x.shape
        down, across = -(-height // RESULTS), -(-width // RESULTS)
        fits = (down * RESULTS, across * RESULTS) == (height, width)
        made = out
        if not fits:
            made = self._scratch.take("made", count, down * RESULTS, across * RESULTS, self.features)
        padded = self._padded(x, down * RESULTS + 2, across * RESULTS + 2)
        together = min(MAX_TILES_AT_ONCE, STRIP_VALUES // (channels + self.features))
        layers = count if len(self._kernels) > 1 else min(count, max(1, together // (down * across)))
        rows = max(1, together // (layers * across))
        beside = len(self._kernels) - 1
        for first in range(0, count, layers):
            seen, part = padded[first : first + layers + beside], made[first : first + layers]
            for top in range(0, down, rows):
                now = min(rows, down - top)
                self._strip(seen[:, top * RESULTS :], part[:, top * RESULTS :], now, across)
        if self._bias is not None:
            made += self._bias
        return made if fits else out.copy_(made[:, :height, :width])

    def _padded(self, x: Tensor, height: int, width: int) -> Tensor:
        count, tall, wide, channels = x.shape
        beside = len(self._kernels) // 2
        padded = self._scratch.take("padded", count + 2 * beside, height, width, channels)
        if beside:
            padded[0] = padded[-1] = 0
        inner = padded[beside : beside + count]
        inner[:, 0] = inner[:, :, 0] = 0
        inner[:, tall + 1 :] = 0
        inner[:, :, wide + 1 :] = 0
        inner[:, 1 : tall + 1, 1 : wide + 1] = x
        return padded

    def _strip(self, seen: Tensor, made: Tensor, down: int, across: int) -> None:
        """`down` rows of tiles, from the first rows of `seen` to the first rows of `made`."""
        take = self._scratch.take
        taps, values, channels, features = self._kernels.shape
        layer, row, place, _ = seen.stride()
        tiles = seen.as_strided(
            (TILE_SEEN, TILE_SEEN, len(seen), down, across, channels),
            (row, place, layer, RESULTS * row, RESULTS * place, 1),
            seen.storage_offset(),
        )
        gathered = take("tiles", *tiles.shape).copy_(tiles)
        left = take("left", values, len(seen) * down * across, channels)
        torch.mm(self._to_products, gathered.view(values, -1), out=left.view(values, -1))
        layers = len(seen) - taps + 1
        products = take("products", values, layers * down * across, features)
        torch.bmm(left[:, : products.shape[1]], self._kernels[0], out=products)
        for tap in range(1, taps):
            start = tap * down * across
            products.baddbmm_(left[:, start : start + products.shape[1]], self._kernels[tap])
        results = take("tiles", RESULTS * RESULTS, products[0].numel())
        torch.mm(self._to_results, products.view(values, -1), out=results)
        turned = results.view(RESULTS, RESULTS, layers, down, across, features).permute(2, 3, 0, 4, 1, 5)
        made[:layers, : down * RESULTS].view(layers, down, RESULTS, across, RESULTS, features).copy_(turned)


class EnlargedConv:
    """A 3 x 3 or 3 x 3 x 3 convolution of what is first enlarged `scale` times in height and width.

    It is worked out at the small size. Along an axis a kernel (a, b, c) gives in the middle of an
    enlarged cell (a + b + c) . cell, at its start a . (before - cell) more, at its end
    c . (after - cell) more; so three products a cell and axis are enough, whatever the scale.
    """

    def __init__(self, weight: Tensor, bias: Tensor, scale: int, scratch: Scratch) -> None:
        exact = weight.detach().double()
        exact = exact if exact.ndim == 5 else exact[:, :, None]
        rows = torch.stack([exact[:, :, :, 0], exact.sum(3), exact[:, :, :, 2]])  # start, middle, end
        both = torch.stack([rows[..., 0], rows.sum(-1), rows[..., 2]], dim=1)  # (3, 3, O, C, taps)
        self._products = both.flatten(0, 2).permute(2, 1, 0).float().contiguous()  # (taps, C, 9 O)
        self._bias = bias.detach().float().clone()
        self._scale = scale
        self._scratch = scratch
        self.features = len(weight)

    def __call__(self, x: Tensor, out: Tensor) -> Tensor:
        """(N, H, W, C) to `out` (N, scale H, scale W, O)."""
        count, height, width, _ = x.shape
        made = self._multiplied(x).view(count, height, width, 3, 3, self.features)
        start, middle, end = made.unbind(3)
        row = self._scratch.take("row of views", *middle.shape)
        cells = out.view(count, height, self._scale, width, self._scale, self.features)
        for i in range(self._scale):
            if 1 < i < self._scale - 1:
                cells[:, :, i] = cells[:, :, 1]
                continue
            row.copy_(middle)
            if i == 0:
                row -= start
                row[:, 1:] += start[:, :-1]
            if i == self._scale - 1:
                row -= end
                row[:, :-1] += end[:, 1:]
            self._spread(row, cells[:, :, i])
        return out

    def _multiplied(self, x: Tensor) -> Tensor:
        """(N, H W, 9 O): what every place gives to its own cell and, first and last, to those beside it."""
        take, taps = self._scratch.take, len(self._products)
        rows = x.reshape(len(x), -1, x.shape[3])
        made = take("views", *rows.shape[:2], self._products.shape[2])
        beside = taps // 2
        torch.mm(rows.flatten(0, 1), self._products[beside], out=made.flatten(0, 1))
        if beside:
            made[1:].flatten(0, 1).addmm_(rows[:-1].flatten(0, 1), self._products[0])
            made[:-1].flatten(0, 1).addmm_(rows[1:].flatten(0, 1), self._products[2])
        return made

    def _spread(self, row: Tensor, out: Tensor) -> None:
        """One row of every cell, (N, H, W, 3, O), as its columns (N, H, W, scale, O)."""
        start, middle, end = row.unbind(3)
        middle += self._bias
        out.copy_(middle[:, :, :, None].expand_as(out))
        first, last = out[:, :, :, 0], out[:, :, :, -1]
        first -= start
        first[:, :, 1:] += start[:, :, :-1]
        last -= end
        last[:, :, :-1] += end[:, :, 1:]
