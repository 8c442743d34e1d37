"""The official networks executed plainly: frame by frame, step by step, nothing folded or kept.

This is what the published code does, and what ours is measured against.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.arrays import Floats
from ditto.motion.diffusion import Denoise
from ditto.packs.official.networks.decoder import Decoder, GuideConv
from ditto.packs.official.networks.lmdm import GUIDANCE, LMDM, TIME_TOKENS, WIDTH, WINDOW


class EnlargedGuide(nn.Conv2d):
    """The guide enlarged, then convolved."""

    def __init__(self, quick: GuideConv) -> None:
        super().__init__(quick.in_channels, quick.out_channels, 3, padding=1)
        self.weight, self.bias = quick.weight, quick.bias
        self._scale = quick.scale

    def forward(self, guide: Tensor) -> Tensor:
        return super().forward(F.interpolate(guide, scale_factor=float(self._scale), mode="nearest"))


def plain_decoder(decoder: Decoder) -> Decoder:
    """The same decoder whose modulations look at an enlarged guide."""
    for module in decoder.modules():
        if isinstance(module, nn.Sequential) and isinstance(module[0], GuideConv):
            module[0] = EnlargedGuide(module[0])
    return decoder


class PlainDenoiser(nn.Module):
    """A guided step as two runs of the whole network, each told everything again."""

    def __init__(self, network: LMDM) -> None:
        super().__init__()
        self._network = network

    def forward(self, x: Tensor, previous: Tensor, cond: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 80, 265), (1, 265), (1, 80, C), (1,) -> noise and clean motion, (1, 80, 265) each."""
        led = self.clean(x, previous, cond, time, True)
        free = self.clean(x, previous, cond, time, False)
        start = free + (led - free) * GUIDANCE
        alpha = self._network.alphas[time]
        noise = (torch.sqrt(1 / alpha) * x - start) / torch.sqrt(1 / alpha - 1)
        return noise, start

    def clean(self, x: Tensor, previous: Tensor, cond: Tensor, time: Tensor, led: bool) -> Tensor:
        """Clean motion, with the conditions or without."""
        net = self._network
        rotation = net.rotary(WINDOW + TIME_TOKENS)
        window = rotation[:, :WINDOW]
        tokens = net.cond_projection(cond)
        for encoder in net.cond_encoder:
            tokens = encoder(tokens, window)
        tokens = tokens if led else net.null_cond_embed.expand_as(tokens)
        summary = net.non_attn_cond_projection(tokens.mean(dim=-2))
        summary = summary if led else net.null_cond_hidden.expand_as(summary)
        hidden = net.time_mlp(time)
        summary = summary + net.to_time_cond(hidden)
        told = net.to_time_tokens(hidden).view(1, TIME_TOKENS, WIDTH)
        heard = net.norm_cond(torch.cat([tokens, told], dim=1))
        before = previous[:, None].expand(-1, WINDOW, -1)
        motion = net.input_projection(torch.cat([x, before], dim=-1))
        for layer in net.seqTransDecoder.layers():
            across = layer.multihead_attn
            keys, values = across.keys(heard, rotation), across.values(heard)
            motion = layer(motion, keys, values, layer.modulation(summary), rotation)
        clean: Tensor = net.final_layer(motion)
        return clean


class PlainWindows:
    """The plain denoiser as a sampler asks for it."""

    def __init__(self, step: PlainDenoiser, device: str = "cpu") -> None:
        self._step = step.to(device)
        self._device = device

    def prepare(self, conditions: Floats, times: Any) -> Denoise:
        told = torch.from_numpy(conditions).to(self._device)

        def denoise(x: Floats, before: Floats, step: int) -> tuple[Floats, Floats]:
            with torch.inference_mode():
                time = torch.from_numpy(times[step : step + 1]).to(self._device)
                noisy, previous = (
                    torch.from_numpy(np.asarray(a, np.float32)).to(self._device) for a in (x, before)
                )
                noise, clean = self._step(noisy, previous, told, time)
            return noise.cpu().numpy(), clean.cpu().numpy()

        return denoise
