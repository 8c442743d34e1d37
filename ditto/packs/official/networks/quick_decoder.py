"""The decoder as a CPU runs it fastest: the same function, arranged for few and large products.

Against the plain module: 3 x 3 convolutions go tile by tile; what only looks at the guide (the first
half of every modulation) is worked out at the guide's size, for all blocks that share it at once;
scales and shifts come out of one convolution; where a modulated map meets a 1 x 1 convolution, the
shift goes through it beforehand, as a kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.packs.official.networks.blocks import SpectralConv2d
from ditto.packs.official.networks.decoder import FEATURES, SLOPE, Decoder, Guided, GuidedBlock
from ditto.packs.official.networks.winograd import EnlargedConv, Scratch, TiledConv

EPSILON = 1e-5  # added to variances


class Guide:
    """The first convolution of several modulations that see the guide equally enlarged."""

    def __init__(self, norms: list[Guided], scale: int, scratch: Scratch) -> None:
        states = [norm.mlp_shared[0].state_dict() for norm in norms]
        weight, bias = (torch.cat([state[name] for state in states]) for name in ("weight", "bias"))
        self._conv = (
            TiledConv(weight, bias, scratch) if scale == 1 else EnlargedConv(weight, bias, scale, scratch)
        )
        self._scale = scale
        self._parts = len(norms)
        self._scratch = scratch

    def __call__(self, guide: Tensor) -> tuple[Tensor, ...]:
        """(1, H, W, 256) to (1, scale H, scale W, 128) for each modulation."""
        _, height, width, _ = guide.shape
        size = (self._scale * height, self._scale * width)
        out = self._conv(guide, self._scratch.take("hidden", 1, *size, self._conv.features))
        return out.relu_().chunk(self._parts, dim=-1)


class Modulation:
    """Instance norm scaled and shifted at each place, by one convolution of what the guide gave."""

    def __init__(self, guided: Guided, scratch: Scratch) -> None:
        gamma, beta = guided.mlp_gamma, guided.mlp_beta
        assert gamma.bias is not None and beta.bias is not None
        weight = torch.cat([gamma.weight, beta.weight])
        self._conv = TiledConv(weight, torch.cat([gamma.bias + 1, beta.bias]), scratch)
        self._scratch = scratch

    def __call__(self, normal: Tensor, hidden: Tensor, name: str) -> Tensor:
        """(1, H, W, C) of mean 0 and variance 1, modulated and activated."""
        _, height, width, channels = normal.shape
        both = self._conv(hidden, self._scratch.take("both", 1, height, width, 2 * channels))
        out = self._scratch.take(name, 1, height, width, channels)
        torch.addcmul(both[..., channels:], normal, both[..., :channels], out=out)
        return F.leaky_relu_(out, SLOPE)


class Shortcut:
    """A modulated map through a 1 x 1 convolution."""

    def __init__(self, guided: Guided, conv: SpectralConv2d, scratch: Scratch) -> None:
        gamma, beta = guided.mlp_gamma, guided.mlp_beta
        assert gamma.bias is not None and beta.bias is not None
        mixing = conv.weight_orig.detach().flatten(1).double()  # (O, C)
        through = torch.einsum("oc,cikl->oikl", mixing, beta.weight.double())
        self._channels = mixing.shape[1]
        bias = torch.cat([gamma.bias + 1, (mixing @ beta.bias.double()).float()])
        self._conv = TiledConv(torch.cat([gamma.weight, through.float()]), bias, scratch)
        self._mixing = mixing.T.float().contiguous()
        self._scratch = scratch

    def __call__(self, normal: Tensor, hidden: Tensor, name: str) -> Tensor:
        """(1, H, W, C) of mean 0 and variance 1 to (1, H, W, O)."""
        _, height, width, channels = normal.shape
        both = self._conv(hidden, self._scratch.take("both", 1, height, width, self._conv.features))
        scaled = torch.mul(normal, both[..., :channels], out=self._scratch.take("scaled", *normal.shape))
        out = self._scratch.take(name, 1, height, width, self._mixing.shape[1])
        torch.mm(scaled.view(-1, channels), self._mixing, out=out.view(-1, out.shape[3]))
        return out.add_(both[..., channels:])


class QuickBlock:
    """One guided block of the decoder."""

    def __init__(self, block: GuidedBlock, scratch: Scratch) -> None:
        self._convs = [
            TiledConv(conv.weight_orig, conv.bias, scratch) for conv in (block.conv_0, block.conv_1)
        ]
        self._modulations = [Modulation(norm, scratch) for norm in (block.norm_0, block.norm_1)]
        self._shortcut = Shortcut(block.norm_s, block.conv_s, scratch) if block.narrows else None
        self._scratch = scratch

    def __call__(self, x: Tensor, normal: Tensor, hidden: tuple[Tensor, ...], name: str) -> Tensor:
        """A map (1, H, W, C), the same normalised, and what the guide gave to each modulation."""
        take = self._scratch.take
        if self._shortcut is not None:
            x = self._shortcut(normal, hidden[2], "short")
        inner = self._modulations[0](normal, hidden[0], "modulated")
        inner = self._convs[0](inner, take("inner", *inner.shape[:3], self._convs[0].features))
        again = normalised(inner, take("normal", *inner.shape), self._scratch)
        inner = self._modulations[1](again, hidden[1], "modulated")
        out = self._convs[1](inner, take(name, *inner.shape[:3], self._convs[1].features))
        return out.add_(x)


class QuickDecoder(nn.Module):
    """(B, 256, 64, 64) features to (B, 3, 512, 512) RGB in 0..1, on a CPU in fp32."""

    def __init__(self, plain: Decoder) -> None:
        """`plain` is folded."""
        super().__init__()
        scratch = self._scratch = Scratch()
        middle = [getattr(plain, f"G_middle_{i}") for i in range(6)]
        norms = [norm for block in middle for norm in (block.norm_0, block.norm_1)]
        self._guide = Guide(norms, 1, scratch)
        self._first = TiledConv(plain.fc.weight, plain.fc.bias, scratch)
        self._middle = [QuickBlock(block, scratch) for block in middle]
        self._ups = [
            (
                Guide([up.norm_0, up.norm_1, up.norm_s], scale, scratch),
                QuickBlock(up, scratch),
            )
            for up, scale in ((plain.up_0, 2), (plain.up_1, 4))
        ]
        self._last = plain.conv_img

    def forward(self, feature: Tensor) -> Tensor:
        with self._scratch.alone:
            return torch.cat([self._paint(one) for one in feature])

    def _paint(self, feature: Tensor) -> Tensor:
        """(256, H, W) to (1, 3, 8 H, 8 W)."""
        take = self._scratch.take
        _, height, width = feature.shape
        guide = take("guide", 1, height, width, FEATURES).copy_(feature.permute(1, 2, 0))
        x = self._first(guide, take("map 0", 1, height, width, self._first.features))
        hidden = self._guide(guide)
        for i, block in enumerate(self._middle):
            normal = normalised(x, take("normal", *x.shape), self._scratch)
            x = block(x, normal, hidden[2 * i : 2 * i + 2], f"map {(i + 1) % 2}")
        for views, block in self._ups:
            small = normalised(x, take("normal", *x.shape), self._scratch)
            normal = enlarged(small, self._scratch)
            x = block(normal, normal, views(guide), "map 0")
        image = F.leaky_relu_(x, SLOPE).permute(0, 3, 1, 2)
        return torch.sigmoid(self._last(image))


def enlarged(x: Tensor, scratch: Scratch) -> Tensor:
    """(1, H, W, C) to (1, 2 H, 2 W, C), every place four times."""
    _, height, width, channels = x.shape
    cells = scratch.take("enlarged", height, 2, width, 2, channels)
    cells.copy_(x[0, :, None, :, None].expand_as(cells))
    return cells.view(1, 2 * height, 2 * width, channels)


def normalised(x: Tensor, out: Tensor, scratch: Scratch) -> Tensor:
    """(1, H, W, C) with mean 0 and variance 1 in every channel."""
    rows = x.view(-1, x.shape[-1])
    centred = torch.sub(rows, rows.mean(0), out=out.view(rows.shape))
    squares = torch.mul(centred, centred, out=scratch.take("squares", *rows.shape))
    centred *= torch.rsqrt(squares.mean(0) + EPSILON)
    return out
