"""The warp network as a CPU runs it fastest: the same function with channels together.

Convolutions of 3 x 3 x 3 go tile by tile, those of an enlarged volume at the small size, the one of
7 x 7 x 7 through frequencies; joined volumes are written where they are joined.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.packs.official.networks.blocks import ConvNorm, coordinates
from ditto.packs.official.networks.fft_convolution import FrequencyConv
from ditto.packs.official.networks.split import WarperSource, shifted
from ditto.packs.official.networks.warping import (
    DenseMotion,
    Hourglass,
    WarpNetwork,
    gaussians,
    sample,
)
from ditto.packs.official.networks.winograd import EnlargedConv, Scratch, TiledConv

MIN_TILED_SIDE = 8  # places along a side; below, turned kernels take longer to read than to do without
Conv = Callable[[Tensor, Tensor], Tensor]


class PlainConv:
    """A convolution by the library, (D, H, W, C) to (D, H, W, O)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight = weight.detach().float().contiguous(memory_format=torch.channels_last_3d)
        self._bias = bias.detach().float().clone()
        self.features = len(weight)

    def __call__(self, x: Tensor, out: Tensor) -> Tensor:
        made = F.conv3d(x.permute(3, 0, 1, 2)[None], self._weight, self._bias, padding="same")
        return out.copy_(made[0].permute(1, 2, 3, 0))


class QuickHourglass:
    """The volume at six scales, down and up again."""

    def __init__(self, plain: Hourglass, size: int, scratch: Scratch) -> None:
        self._scratch = scratch
        self._down = []
        for level, block in enumerate(plain.encoder.down_blocks):
            weight, bias = parameters(block)
            tiled = size >> level >= MIN_TILED_SIDE
            self._down.append(TiledConv(weight, bias, scratch) if tiled else PlainConv(weight, bias))
        self._up = [EnlargedConv(*parameters(block), 2, scratch) for block in plain.decoder.up_blocks]
        self._last = TiledConv(*parameters(plain.decoder), scratch)

    def __call__(self, x: Tensor) -> Tensor:
        """(D, H, W, C) to (D, H, W, C + 32)."""
        take = self._scratch.take
        levels = [x]
        for level, conv in enumerate(self._down):
            wide = take("wide", *levels[-1].shape[:3], conv.features)
            levels.append(halved(conv(levels[-1], wide).relu_(), take(f"level {level}", *half(wide.shape))))
        x = levels.pop()
        for up in self._up:
            skip = levels.pop()
            joined = take(f"joined {len(levels) % 2}", *skip.shape[:3], up.features + skip.shape[3])
            up(x, joined[..., : up.features]).relu_()
            joined[..., up.features :] = skip
            x = joined
        return self._last(x, take("hourglass", *x.shape[:3], self._last.features)).relu_()


class QuickWarp(nn.Module):
    """As `WarpNetwork`, on a CPU in fp32."""

    def __init__(self, plain: WarpNetwork, size: int = 64) -> None:
        """`plain` is folded; its volumes are `size` places wide and high."""
        super().__init__()
        scratch = self._scratch = Scratch()
        motion: DenseMotion = plain.dense_motion_network
        self._source = WarperSource(plain)
        self._hourglass = QuickHourglass(motion.hourglass, size, scratch)
        assert motion.mask.bias is not None and plain.fourth.bias is not None
        self._mask = FrequencyConv(motion.mask.weight, motion.mask.bias, scratch)
        self._occlusion = Occlusion(motion.occlusion, motion.mask.in_channels, scratch)
        self._third = TiledConv(*parameters(plain.third), scratch)
        self._fourth = plain.fourth

    def forward(self, feature_3d: Tensor, kp_source: Tensor, kp_driving: Tensor) -> Tensor:
        single = zip(*(t.chunk(len(t)) for t in (feature_3d, kp_source, kp_driving)), strict=True)
        with self._scratch.alone:
            return torch.cat([self._warp(*one) for one in single])

    def _warp(self, volume: Tensor, at_rest: Tensor, driven: Tensor) -> Tensor:
        take = self._scratch.take
        depth, height, width = volume.shape[2:]
        shift = at_rest - driven  # (1, 21, 3)
        seen = self._hourglass(self._candidates(volume, at_rest, driven, shift))
        logits = self._mask(seen, take("logits", *seen.shape[:3], self._mask.features))
        follows = torch.softmax(logits.view(-1, self._mask.features), dim=1)
        led = (follows[:, 1:] @ shift[0]).view(1, depth, height, width, 3)
        here = coordinates(volume.shape[2:], like=volume)
        flat = sample(volume, here + led).view(1, -1, height, width)
        rows = take("flat", 1, height, width, flat.shape[1]).copy_(flat.permute(0, 2, 3, 1))
        third = self._third(rows, take("third", 1, height, width, self._third.features))
        third = F.leaky_relu_(third, 0.01).permute(0, 3, 1, 2)
        out: Tensor = self._fourth(third) * self._occlusion(seen)
        return out.contiguous()

    def _candidates(self, volume: Tensor, at_rest: Tensor, driven: Tensor, shift: Tensor) -> Tensor:
        """(D, H, W, 22 x 5): for each candidate its gaussian's change and the volume as it would move it."""
        compressed, still = self._source(volume)
        here = coordinates(volume.shape[2:], like=volume)
        heat = gaussians(here, driven) - gaussians(here, at_rest)
        copies = shifted(compressed, shift)[0]  # (21, 4, D, H, W)
        count, channels = copies.shape[:2]
        joined = self._scratch.take("candidates", *copies.shape[2:], (count + 1) * (channels + 1))
        parts = joined.view(*copies.shape[2:], count + 1, channels + 1)
        parts[:, :, :, 0, 0] = 0
        parts[:, :, :, 0, 1:] = still[0].permute(1, 2, 3, 0)
        parts[:, :, :, 1:, 0] = heat[0].permute(1, 2, 3, 0)
        parts[:, :, :, 1:, 1:] = copies.permute(2, 3, 4, 0, 1)
        return joined


class Occlusion:
    """Visibility of each place: one channel from all layers by a 7 x 7 convolution."""

    def __init__(self, conv: nn.Conv2d, channels: int, scratch: Scratch) -> None:
        size = conv.kernel_size[0]
        weight = conv.weight.detach()[0].view(channels, -1, size, size)  # (C, D, 7, 7)
        self._size = size
        self._weight = weight.flip(2, 3).flatten(2).permute(1, 0, 2).contiguous()  # (D, C, 49)
        assert conv.bias is not None
        self._bias = conv.bias
        self._scratch = scratch

    def __call__(self, seen: Tensor) -> Tensor:
        """(D, H, W, C) to (1, 1, H, W) in 0..1."""
        depth, height, width, channels = seen.shape
        rows = seen.view(depth, height * width, channels)
        given = self._scratch.take("given", height * width, self._weight.shape[2])
        torch.mm(rows[0], self._weight[0], out=given)
        for layer in range(1, depth):
            given.addmm_(rows[layer], self._weight[layer])
        summed = F.fold(given.T[None], (height, width), self._size, padding=self._size // 2)
        return torch.sigmoid(summed + self._bias)


def parameters(block: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of a folded block's convolution."""
    assert isinstance(block, ConvNorm)
    weight, bias = block.conv.weight, block.conv.bias
    assert isinstance(weight, Tensor) and isinstance(bias, Tensor)
    return weight, bias


def half(shape: torch.Size) -> tuple[int, int, int, int]:
    return shape[0], shape[1] // 2, shape[2] // 2, shape[3]


def halved(x: Tensor, out: Tensor) -> Tensor:
    """(D, H, W, C) averaged over 2 x 2 places."""
    torch.add(x[:, 0::2, 0::2], x[:, 0::2, 1::2], out=out)
    out += x[:, 1::2, 0::2]
    out += x[:, 1::2, 1::2]
    return out.mul_(0.25)
