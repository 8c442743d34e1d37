"""The motion denoiser as a CPU runs it fastest: the same steps with fewer and fused operations.

Weights lie as the processor's matrix library wants them; what the modulations add is joined with the
biases before them once a window; positions turn pairs of channels as one product of complex numbers;
the keys and values of the conditions stand ready for every head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.networks.lmdm import (
    GUIDANCE,
    HEADS,
    LMDM,
    TIME_TOKENS,
    WIDTH,
    WINDOW,
    DecoderLayer,
)

Linear = Callable[[Tensor], Tensor]


def packed(
    weight: Tensor,
    bias: Tensor | None = None,
    activation: str = "none",
    precision: torch.dtype = torch.float32,
) -> Linear:
    """A linear layer on fp32 rows (n, C), its weight rearranged by oneDNN where PyTorch was built with it."""
    kept = weight.detach().to(precision).contiguous()
    beside = None if bias is None else bias.detach().to(precision)
    onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if onednn and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        ready = torch.ops.mkldnn._reorder_linear_weight(kept, 2 * WINDOW)
        pointwise = torch.ops.mkldnn._linear_pointwise
        return lambda x: pointwise(x.to(precision), ready, beside, activation, [], "none").float()
    if activation == "gelu":
        return lambda x: F.gelu(F.linear(x.to(precision), kept, beside)).float()
    return lambda x: F.linear(x.to(precision), kept, beside).float()


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What the denoiser knows of one window before any noise is seen; G is 2: without, with conditions."""

    keys: tuple[Tensor, ...]  # one (G B, 8, 82, 64) per layer; the last two rows are a step's time
    values: tuple[Tensor, ...]
    time_keys: tuple[Tensor, ...]  # one (S, 8, 2, 64) per layer
    time_values: tuple[Tensor, ...]
    scales: tuple[Tensor, ...]  # one (S, 3, G B, 1, 512) per layer
    shifts: tuple[Tensor, ...]  # the same, with the bias before the modulation in it
    noise_from_x: list[float]
    noise_from_start: list[float]


def turned(x: Tensor, positions: Tensor) -> Tensor:
    """(..., n, 512) with each pair of channels turned by its position's angle, (n, 256) complex."""
    pairs = torch.view_as_complex(x.view(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * positions).view(x.shape)


def heads(x: Tensor) -> Tensor:
    """(B, n, 512) as (B, 8, n, 64)."""
    return x.view(*x.shape[:-1], HEADS, -1).transpose(-3, -2)


class QuickLayer:
    """One layer on (G B, 80, 512)."""

    def __init__(self, plain: DecoderLayer, packed: Callable[..., Linear]) -> None:
        own, across = plain.self_attn, plain.multihead_attn
        self._norms = [(norm.weight, norm.bias) for norm in (plain.norm1, plain.norm2, plain.norm3)]
        self._queries_keys = packed(own.in_proj_weight[: 2 * WIDTH], own.in_proj_bias[: 2 * WIDTH])
        self._values = packed(own.in_proj_weight[2 * WIDTH :], own.in_proj_bias[2 * WIDTH :])
        self._queries = packed(across.in_proj_weight[:WIDTH], across.in_proj_bias[:WIDTH])
        self._outputs = [packed(attention.out_proj.weight) for attention in (own, across)]
        self._first = packed(plain.linear1.weight, plain.linear1.bias, "gelu")
        self._second = packed(plain.linear2.weight)
        self.biases = torch.stack([own.out_proj.bias, across.out_proj.bias, plain.linear2.bias])

    def __call__(self, x: Tensor, prepared: Prepared, layer: int, step: int, positions: Tensor) -> Tensor:
        scales, shifts = prepared.scales[layer][step], prepared.shifts[layer][step]
        own = self._own(self._normal(0, x), positions)
        both = len(shifts[0]) // len(x)  # 2 for the first layer: it sees one motion, free and led
        x = torch.addcmul(shifts[0], own.repeat(both, 1, 1), scales[0]).add_(x.repeat(both, 1, 1))
        keys, values = prepared.keys[layer], prepared.values[layer]
        keys[:, :, WINDOW:] = prepared.time_keys[layer][step]
        values[:, :, WINDOW:] = prepared.time_values[layer][step]
        asked = rows(self._queries, turned(self._normal(1, x), positions))
        heard = self._attended(1, heads(asked), keys, values)
        x.add_(shifts[1]).addcmul_(scales[1], heard)
        fed = rows(self._second, rows(self._first, self._normal(2, x)))
        return x.add_(shifts[2]).addcmul_(scales[2], fed)

    def _normal(self, which: int, x: Tensor) -> Tensor:
        return F.layer_norm(x, (WIDTH,), *self._norms[which])

    def _own(self, x: Tensor, positions: Tensor) -> Tensor:
        queries, keys = rows(self._queries_keys, turned(x, positions)).chunk(2, dim=-1)
        return self._attended(0, heads(queries), heads(keys), heads(rows(self._values, x)))

    def _attended(self, which: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        mixed = F.scaled_dot_product_attention(queries, keys, values)
        return rows(self._outputs[which], mixed.transpose(1, 2).flatten(2))


def rows(linear: Linear, x: Tensor) -> Tensor:
    """A linear layer on (B, n, C), all rows as one product."""
    return linear(x.flatten(0, -2)).view(*x.shape[:-1], -1)


class QuickDenoiser(nn.Module):
    """As `LMDM`, on a CPU; in `precision` where matrices are multiplied, else in fp32."""

    def __init__(self, plain: LMDM, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._plain = plain
        pack = partial(packed, precision=precision)
        self._layers = [QuickLayer(layer, pack) for layer in plain.seqTransDecoder.layers()]
        cosines, sines = plain.rotary(WINDOW)
        self._positions = torch.complex(cosines, sines)
        self._project = pack(plain.input_projection.weight, plain.input_projection.bias)
        self._last = pack(plain.final_layer.weight, plain.final_layer.bias)

    def forward(
        self, x: Tensor, cond_frame: Tensor, cond: Tensor, time_cond: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self.denoise(x, cond_frame, self.encode(cond, time_cond), 0)

    def encode(self, cond: Tensor, times: Tensor) -> Prepared:
        """(B, 80, C) conditions and the (S,) diffusion times that `denoise` will be asked for."""
        encoded = self._plain.encode(cond, times)
        modulations = [m.view(*m.shape[:-1], 3, 2, WIDTH).movedim(-3, 1) for m in encoded.modulation]
        pairs = [m.flatten(2, 3)[:, :, :, None].unbind(-2) for m in modulations]
        scales = [(scale + 1).contiguous() for scale, _ in pairs]
        shifts = [
            torch.addcmul(shift, scale, layer.biases[:, None, None])
            for (_, shift), scale, layer in zip(pairs, scales, self._layers, strict=True)
        ]
        return Prepared(
            keys=tuple(self._with_room(k) for k in encoded.keys),
            values=tuple(self._with_room(v) for v in encoded.values),
            time_keys=tuple(heads(k) for k in encoded.time_keys),
            time_values=tuple(heads(v) for v in encoded.time_values),
            scales=tuple(scales),
            shifts=tuple(shifts),
            noise_from_x=encoded.noise_from_x.tolist(),
            noise_from_start=encoded.noise_from_start.tolist(),
        )

    @staticmethod
    def _with_room(heard: Tensor) -> Tensor:
        """(G, B, 80, 512) as heads (G B, 8, 82, 64), two rows open."""
        return F.pad(heads(heard.flatten(0, 1)), (0, 0, 0, TIME_TOKENS))

    def denoise(self, x: Tensor, previous: Tensor, encoded: Prepared, step: int) -> tuple[Tensor, Tensor]:
        """(B, 80, 265) noisy motion, (B, 265) the frame before it -> its noise and what is clean in it."""
        before = previous[:, None].expand(-1, x.shape[1], -1)
        motion = rows(self._project, torch.cat([x, before], dim=-1))
        for number, layer in enumerate(self._layers):
            motion = layer(motion, encoded, number, step, self._positions)
        free, led = rows(self._last, motion).chunk(2)
        start = free + (led - free) * GUIDANCE
        noise = encoded.noise_from_x[step] * x - start * encoded.noise_from_start[step]
        return noise, start
