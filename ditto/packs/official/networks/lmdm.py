"""The motion denoiser: from noisy motion and what was heard to clean motion, one diffusion step.

The network runs once for the guidance of both kinds, with and without the conditions, stacked on a
leading axis of two. All that does not depend on the noisy motion (the encoded conditions and their
keys and values, the embedding of every step's time, the modulations it gives) is worked out once per
window by `encode`; `denoise` is then what remains for each step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MOTION = 265  # numbers of one frame's motion
WINDOW = 80  # frames
WIDTH = 512
HEADS = 8
LAYERS = 8
TIME_TOKENS = 2
TIMES = 1000  # diffusion times, 0 is clean
GUIDANCE = 2.0  # how far beyond the unconditioned answer the conditioned one is followed


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Knowledge of one window before any noise is seen; G is 2: without, with conditions."""

    rotation: Tensor  # (2, n, 256) cosines and sines of positions
    keys: tuple[Tensor, ...]  # one (G, B, 80, 512) per layer
    values: tuple[Tensor, ...]
    time_keys: tuple[Tensor, ...]  # one (S, 2, 512) per layer
    time_values: tuple[Tensor, ...]
    modulation: tuple[Tensor, ...]  # one (S, G, B, 6 * 512) per layer: scale and shift, three times
    noise_from_x: Tensor  # (S,)
    noise_from_start: Tensor  # (S,)


def cumulative_alphas() -> Tensor:
    """(1000,) share of the signal's power that is left at each time (cosine schedule)."""
    offset = 0.008
    steps = torch.arange(TIMES + 1, dtype=torch.float64, device="cpu") / TIMES + offset
    share = torch.cos(steps / (1 + offset) * math.pi / 2) ** 2
    share = share / share[0]
    betas = (1 - share[1:] / share[:-1]).clamp(0, 0.999).float()
    return torch.cumprod(1 - betas, dim=0)


class Rotary(nn.Module):
    """Position as rotation: pair i of the channels turns by position x freqs[i]."""

    freqs: Tensor

    def __init__(self) -> None:
        super().__init__()
        half = WIDTH // 2
        self.register_buffer("freqs", 1.0 / 10000 ** (torch.arange(half).float() * 2 / WIDTH))

    def forward(self, length: int) -> Tensor:
        positions = torch.arange(length, dtype=self.freqs.dtype, device=self.freqs.device)
        angles = positions[:, None] * self.freqs
        return torch.stack([angles.cos(), angles.sin()])


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """(..., n, 512) with each pair of channels turned by its position's angle."""
    cos, sin = rotation.to(x.dtype).unbind()
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)


class Attention(nn.Module):
    """Attention of eight heads; queries and keys carry positions, values do not."""

    def __init__(self) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * WIDTH, WIDTH))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * WIDTH))
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def queries(self, x: Tensor, rotation: Tensor) -> Tensor:
        return self._project(0, rotate(x, rotation))

    def keys(self, x: Tensor, rotation: Tensor) -> Tensor:
        return self._project(1, rotate(x, rotation))

    def values(self, x: Tensor) -> Tensor:
        return self._project(2, x)

    def _project(self, part: int, x: Tensor) -> Tensor:
        rows = slice(part * WIDTH, (part + 1) * WIDTH)
        return F.linear(x, self.in_proj_weight[rows], self.in_proj_bias[rows])

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """All (..., n, 512); leading axes broadcast to those of the keys."""
        # Not by unflatten: an exported graph would keep the batch it was traced with.
        q, k, v = (t.reshape(*t.shape[:-1], HEADS, -1).transpose(-3, -2) for t in (queries, keys, values))
        if q.shape[0] != k.shape[0]:  # the same motion asks both kinds of conditions
            q = q.expand(k.shape[0], *[-1] * (q.ndim - 1))
        mixed = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.out_proj(mixed.transpose(-3, -2).flatten(-2))
        return out

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        """Every row of (..., n, 512) attends to all of them."""
        turned = rotate(x, rotation)
        queries, keys = F.linear(
            turned, self.in_proj_weight[: 2 * WIDTH], self.in_proj_bias[: 2 * WIDTH]
        ).chunk(2, dim=-1)
        return self.attend(queries, keys, self.values(x))


class EncoderLayer(nn.Module):
    """The conditions of a window seen in each other's light."""

    def __init__(self, rotary: Rotary) -> None:
        super().__init__()
        self.self_attn = Attention()
        self.linear1 = nn.Linear(WIDTH, 2 * WIDTH)
        self.linear2 = nn.Linear(2 * WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.rotary = rotary  # the one table of the network, which checkpoints repeat in every layer

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        x = x + self.self_attn(self.norm1(x), rotation)
        out: Tensor = x + self.linear2(F.gelu(self.linear1(self.norm2(x))))
        return out


class Modulation(nn.Module):
    """The scale and shift that a diffusion time and a window's summary ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Mish(), nn.Linear(WIDTH, 2 * WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(x)
        return out


class DecoderLayer(nn.Module):
    """Motion refined by itself, by the conditions and place by place, each modulated."""

    def __init__(self, rotary: Rotary) -> None:
        super().__init__()
        self.self_attn = Attention()
        self.multihead_attn = Attention()
        self.linear1 = nn.Linear(WIDTH, 2 * WIDTH)
        self.linear2 = nn.Linear(2 * WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.norm3 = nn.LayerNorm(WIDTH)
        self.film1 = Modulation()
        self.film2 = Modulation()
        self.film3 = Modulation()
        self.rotary = rotary

    def modulation(self, summary: Tensor) -> Tensor:
        return torch.cat([film(summary) for film in (self.film1, self.film2, self.film3)], dim=-1)

    def forward(
        self, x: Tensor, keys: Tensor, values: Tensor, modulation: Tensor, rotation: Tensor
    ) -> Tensor:
        scale1, shift1, scale2, shift2, scale3, shift3 = modulation.unsqueeze(-2).chunk(6, dim=-1)
        here = rotation[:, : x.shape[-2]]
        x = x + (scale1 + 1) * self.self_attn(self.norm1(x), here) + shift1
        queries = self.multihead_attn.queries(self.norm2(x), here)
        x = x + (scale2 + 1) * self.multihead_attn.attend(queries, keys, values) + shift2
        fed: Tensor = self.linear2(F.gelu(self.linear1(self.norm3(x))))
        return x + (scale3 + 1) * fed + shift3


class DecoderStack(nn.Module):
    """The decoder layers, one after the other."""

    def __init__(self, rotary: Rotary) -> None:
        super().__init__()
        self.stack = nn.ModuleList(DecoderLayer(rotary) for _ in range(LAYERS))

    def layers(self) -> list[DecoderLayer]:
        return [layer for layer in self.stack if isinstance(layer, DecoderLayer)]


class TimeEmbedding(nn.Module):
    """A diffusion time as 512 sines and cosines."""

    def forward(self, times: Tensor) -> Tensor:
        half = WIDTH // 2
        steps = torch.arange(half, device=times.device)
        angles = times[:, None] * torch.exp(steps * -(math.log(10000) / (half - 1)))
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class LMDM(nn.Module):
    """One guided step of the motion denoiser, for windows of 80 frames with `conditions` numbers each."""

    alphas: Tensor

    def __init__(self, conditions: int) -> None:
        super().__init__()
        self.rotary = Rotary()
        self.time_mlp = nn.Sequential(TimeEmbedding(), nn.Linear(WIDTH, 4 * WIDTH), nn.Mish())
        self.to_time_cond = nn.Sequential(nn.Linear(4 * WIDTH, WIDTH))
        self.to_time_tokens = nn.Sequential(nn.Linear(4 * WIDTH, TIME_TOKENS * WIDTH))
        self.null_cond_embed = nn.Parameter(torch.zeros(1, WINDOW, WIDTH))
        self.null_cond_hidden = nn.Parameter(torch.zeros(1, WIDTH))
        self.norm_cond = nn.LayerNorm(WIDTH)
        self.input_projection = nn.Linear(2 * MOTION, WIDTH)
        self.cond_encoder = nn.Sequential(EncoderLayer(self.rotary), EncoderLayer(self.rotary))
        self.cond_projection = nn.Linear(conditions, WIDTH)
        self.non_attn_cond_projection = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH)
        )
        self.seqTransDecoder = DecoderStack(self.rotary)
        self.final_layer = nn.Linear(WIDTH, MOTION)
        self.register_buffer("alphas", cumulative_alphas(), persistent=False)

    def forward(
        self, x: Tensor, cond_frame: Tensor, cond: Tensor, time_cond: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, 80, 265), (B, 265), (B, 80, C), one time (1,) -> noise and clean motion, (B, 80, 265) each."""
        return self.denoise(x, cond_frame, self.encode(cond, time_cond), 0)

    def encode(self, cond: Tensor, times: Tensor) -> Encoded:
        """(B, 80, C) conditions and the (S,) diffusion times that `denoise` will be asked for."""
        rotation = self.rotary(WINDOW + TIME_TOKENS)
        window, after = rotation[:, :WINDOW], rotation[:, WINDOW:]
        tokens, summary = self._conditions(cond, window)
        hidden = self.time_mlp(times)
        heard = self.norm_cond(tokens)  # (G, B, 80, 512)
        told = self.norm_cond(torch.unflatten(self.to_time_tokens(hidden), -1, (TIME_TOKENS, WIDTH)))
        summaries = self.to_time_cond(hidden)[:, None, None] + summary  # (S, G, B, 512)
        layers = self.seqTransDecoder.layers()
        crosses = [layer.multihead_attn for layer in layers]
        alphas = self.alphas[times]
        return Encoded(
            rotation=rotation,
            keys=tuple(cross.keys(heard, window) for cross in crosses),
            values=tuple(cross.values(heard) for cross in crosses),
            time_keys=tuple(cross.keys(told, after) for cross in crosses),
            time_values=tuple(cross.values(told) for cross in crosses),
            modulation=tuple(layer.modulation(summaries) for layer in layers),
            noise_from_x=torch.sqrt(1 / (1 - alphas)),
            noise_from_start=1 / torch.sqrt(1 / alphas - 1),
        )

    def _conditions(self, cond: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (G, B, 80, 512) and summary (G, B, 512), without and with the conditions."""
        tokens = self.cond_projection(cond)
        for layer in self.cond_encoder:
            tokens = layer(tokens, rotation)
        summary = self.non_attn_cond_projection(tokens.mean(dim=-2))
        return (
            torch.stack([self.null_cond_embed.expand_as(tokens), tokens]),
            torch.stack([self.null_cond_hidden.expand_as(summary), summary]),
        )

    def denoise(self, x: Tensor, previous: Tensor, encoded: Encoded, step: int) -> tuple[Tensor, Tensor]:
        """(B, 80, 265) noisy motion, (B, 265) the frame before it -> its noise and what is clean in it."""
        before = previous[:, None].expand(-1, x.shape[1], -1)
        motion = self.input_projection(torch.cat([x, before], dim=-1))[None]  # one for both of G
        for i, layer in enumerate(self.seqTransDecoder.layers()):
            motion = layer(
                motion,
                self._joined(encoded.keys[i], encoded.time_keys[i][step]),
                self._joined(encoded.values[i], encoded.time_values[i][step]),
                encoded.modulation[i][step],
                encoded.rotation,
            )
        free, led = self.final_layer(motion).unbind()
        start = free + (led - free) * GUIDANCE
        noise = encoded.noise_from_x[step] * x - start * encoded.noise_from_start[step]
        return noise, start

    @staticmethod
    def _joined(heard: Tensor, told: Tensor) -> Tensor:
        """(G, B, 80, 512) and (2, 512) as (G, B, 82, 512)."""
        return torch.cat([heard, told.expand(heard.shape[0], heard.shape[1], -1, -1)], dim=-2)
