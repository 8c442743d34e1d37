"""The motion denoiser as a CPU runs it fastest: the same steps with fewer and fused operations.

Weights lie as the processor's matrix library wants them, what is between two products is compiled, the
keys and values of the conditions stand ready for every head. Where there are two threads or more,
guidance is worked out in two halves that wait for each other once a step; threads that share every
operation do so some 300 times, and each time for the one that was interrupted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.arrays import Floats
from ditto.packs.official.networks.lmdm import (
    GUIDANCE,
    HEADS,
    LMDM,
    TIME_TOKENS,
    WIDTH,
    WINDOW,
    DecoderLayer,
    Encoded,
)
from ditto.packs.official.networks.row_kernels import add_modulated, normalise, turn

Linear = Callable[[Tensor], Tensor]


def packed(
    weight: Tensor,
    bias: Tensor | None = None,
    activation: str = "none",
    precision: torch.dtype = torch.float32,
) -> Linear:
    """A linear layer on fp32 (..., C), its weight rearranged by oneDNN where PyTorch was built with it."""
    kept = weight.detach().to(precision).contiguous()
    beside = None if bias is None else bias.detach().to(precision)
    onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if onednn and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        ready = torch.ops.mkldnn._reorder_linear_weight(kept, 2 * WINDOW)
        pointwise = torch.ops.mkldnn._linear_pointwise.default

        def linear(x: Tensor) -> Tensor:
            out: Tensor = pointwise(x, ready, beside, activation, [], "none")
            return out

    else:

        def linear(x: Tensor) -> Tensor:
            out = F.linear(x, kept, beside)
            return F.gelu(out) if activation == "gelu" else out

    return linear if precision == torch.float32 else lambda x: linear(x.to(precision)).float()


class Part:
    """Conditions of one or both kinds of guidance in a window, and memory for n = kinds x B windows."""

    def __init__(self, encoded: Encoded, kinds: slice) -> None:
        heard = torch.stack([torch.stack(encoded.keys), torch.stack(encoded.values)])[:, :, kinds]
        told = torch.stack([torch.stack(encoded.time_keys), torch.stack(encoded.time_values)])
        # (2, 8 layers, n, 8 heads, 82, 64) keys and values; the last two rows are a step's time
        self.told = F.pad(heads(heard.flatten(2, 3)), (0, 0, 0, TIME_TOKENS))
        self._times = heads(told).movedim(2, 0)[:, :, :, None]  # (S, 2, 8 layers, 1, 8 heads, 2, 64)
        # one (S, n, 6, 512) per layer: scale and shift, three times
        self.modulation = [m[:, kinds].reshape(len(m), -1, 6, WIDTH).numpy() for m in encoded.modulation]
        count = self.told.shape[2]
        self.x, self.normal, self.turned = np.empty((3, count, WINDOW, WIDTH), np.float32)

    def tell_time(self, step: int) -> None:
        self.told[..., WINDOW:, :] = self._times[step]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Knowledge of one window before any noise is seen."""

    parts: list[Part]  # both kinds of guidance, or one each
    noise_from_x: list[float]
    noise_from_start: list[float]


def heads(x: Tensor) -> Tensor:
    """(..., n, 512) as (..., 8, n, 64)."""
    return x.view(*x.shape[:-1], HEADS, -1).transpose(-3, -2)


class QuickLayer:
    """One layer."""

    def __init__(self, plain: DecoderLayer, packed: Callable[..., Linear], positions: Floats) -> None:
        own, across = plain.self_attn, plain.multihead_attn
        norms = (plain.norm1, plain.norm2, plain.norm3)
        self._norms = [torch.stack([norm.weight, norm.bias]).detach().numpy() for norm in norms]
        self._positions = positions
        self._queries_keys = packed(own.in_proj_weight[: 2 * WIDTH], own.in_proj_bias[: 2 * WIDTH])
        self._values = packed(own.in_proj_weight[2 * WIDTH :], own.in_proj_bias[2 * WIDTH :])
        self._queries = packed(across.in_proj_weight[:WIDTH], across.in_proj_bias[:WIDTH])
        self._outputs = [packed(a.out_proj.weight, a.out_proj.bias) for a in (own, across)]
        self._first = packed(plain.linear1.weight, plain.linear1.bias, "gelu")
        self._second = packed(plain.linear2.weight, plain.linear2.bias)

    def __call__(self, x: Floats, part: Part, layer: int, step: int) -> Floats:
        """(n, 80, 512) in memory of the part; `x` is that, or (B, 80, 512) that both kinds begin with."""
        modulation = part.modulation[layer][step]
        own = self._own(x, part)
        if x is not part.x:
            part.x.reshape(-1, *x.shape)[:] = x
        add_modulated(part.x, own.numpy(), modulation, 0)
        asked = heads(self._queries(self._turned(self._normal(1, part.x, part), part)))
        heard = self._attended(1, asked, *part.told[:, layer])
        add_modulated(part.x, heard.numpy(), modulation, 1)
        fed = self._second(self._first(torch.from_numpy(self._normal(2, part.x, part))))
        add_modulated(part.x, fed.numpy(), modulation, 2)
        return part.x

    def _own(self, x: Floats, part: Part) -> Tensor:
        normal = self._normal(0, x, part)
        queries, keys = self._queries_keys(self._turned(normal, part)).chunk(2, dim=-1)
        values = self._values(torch.from_numpy(normal))
        return self._attended(0, heads(queries), heads(keys), heads(values))

    def _normal(self, which: int, x: Floats, part: Part) -> Floats:
        normal = part.normal[: len(x)]
        normalise(x, self._norms[which], normal)
        return normal

    def _turned(self, x: Floats, part: Part) -> Tensor:
        turned = part.turned[: len(x)]
        turn(x, self._positions, turned)
        return torch.from_numpy(turned)

    def _attended(self, which: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        mixed = F.scaled_dot_product_attention(queries, keys, values)
        return self._outputs[which](mixed.transpose(1, 2).flatten(2))


def two_workers(threads: int) -> ThreadPoolExecutor:
    """Two threads that each run PyTorch's operations on half as many."""
    started = threading.Barrier(3)

    def start() -> None:
        torch.get_num_threads()  # what a thread sets before it has looked, looking takes back
        torch.set_num_threads(threads // 2)
        with suppress(threading.BrokenBarrierError):
            started.wait()

    pool = ThreadPoolExecutor(2, "denoiser", initializer=start)
    try:
        for _ in range(2):
            pool.submit(int)
        started.wait()
    except BaseException:  # a stop, or no more threads: the one that is there would wait for ever
        started.abort()
        pool.shutdown()
        raise
    torch.set_num_threads(threads)  # what threads that begin later look at
    return pool


class QuickDenoiser(nn.Module):
    """As `LMDM`, on a CPU; in `precision` where matrices are multiplied, else in fp32."""

    def __init__(self, plain: LMDM, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._plain = plain
        pack = partial(packed, precision=precision)
        positions = plain.rotary(WINDOW).permute(1, 2, 0).flatten(1).contiguous().numpy()
        self._layers = [QuickLayer(layer, pack, positions) for layer in plain.seqTransDecoder.layers()]
        self._project = pack(plain.input_projection.weight, plain.input_projection.bias)
        self._last = pack(plain.final_layer.weight, plain.final_layer.bias)
        threads = torch.get_num_threads()
        self._workers = two_workers(threads) if threads > 1 else None

    def close(self) -> None:
        """Ends its threads. Windows under way are not finished."""
        if self._workers is not None:
            self._workers.shutdown()

    def forward(
        self, x: Tensor, cond_frame: Tensor, cond: Tensor, time_cond: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self.denoise(x, cond_frame, self.encode(cond, time_cond), 0)

    def encode(self, cond: Tensor, times: Tensor) -> Prepared:
        """(B, 80, C) conditions and the (S,) diffusion times that `denoise` will be asked for."""
        encoded = self._plain.encode(cond, times)
        apart = self._workers is not None and torch.get_num_threads() > 1
        kinds = [slice(0, 1), slice(1, 2)] if apart else [slice(0, 2)]
        return Prepared(
            parts=[Part(encoded, some) for some in kinds],
            noise_from_x=encoded.noise_from_x.tolist(),
            noise_from_start=encoded.noise_from_start.tolist(),
        )

    def denoise(self, x: Tensor, previous: Tensor, encoded: Prepared, step: int) -> tuple[Tensor, Tensor]:
        """(B, 80, 265) noisy motion, (B, 265) the frame before it -> its noise and what is clean in it."""
        clean = partial(self._clean, torch.cat([x, previous[:, None].expand_as(x)], dim=-1), step)
        at_once = self._workers.map if self._workers and len(encoded.parts) > 1 else map
        free, led = torch.cat(list(at_once(clean, encoded.parts))).chunk(2)
        start = free + (led - free) * GUIDANCE
        noise = encoded.noise_from_x[step] * x - start * encoded.noise_from_start[step]
        return noise, start

    @torch.inference_mode()  # of which a thread has its own
    def _clean(self, given: Tensor, step: int, part: Part) -> Tensor:
        """(B, 80, 530) noisy motion and what was before it -> clean motion of a part, (n, 80, 265)."""
        part.tell_time(step)
        motion = self._project(given).numpy()
        for number, layer in enumerate(self._layers):
            motion = layer(motion, part, number, step)
        return self._last(torch.from_numpy(motion))
