"""Training of the small networks that read lips from speech features; needs PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

NARROW, HIDDEN = 48, 96
EPOCHS, BATCH, CROP = 8, 32, 100  # passes, clips at once, frames of each
RATE, DECAY = 1.5e-3, 0.05
NOISE, DROPPED = 0.5, 0.25  # on standardised features; share of hidden numbers
MEAN, SPEED, SHAPE = 0.15, 0.5, 1.0  # weights of a crop's mean, of its change, and of its correlation
IMPORTANCE = (2.0, 1.0, 1.0, 1.0, 1.5, 0.7, 0.7, 0.5, 0.5, 0.3, 0.3)  # of each output's correlation


@dataclass(frozen=True, eq=False)
class Example:
    """What is heard in a clip, and what its lips do."""

    frames: Tensor  # (m, 768) standardised, in half precision
    neighbours: Tensor  # (T, taps) the frames that each row is made of
    wanted: Tensor  # (T, outputs) standardised


class Network(nn.Module):
    """As `ditto.packs.mini.motion.lip_readout.Reader`, with what training needs beside it."""

    def __init__(self, width: int, taps: int, outputs: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(width, NARROW)
        self.join = nn.Linear(taps * NARROW, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.mix = nn.Linear(HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, outputs)
        self._drop = nn.Dropout(DROPPED)

    def forward(self, frames: Tensor, neighbours: Tensor) -> Tensor:
        """(m, width) frames and (n, taps) places in them to (n, outputs)."""
        narrowed = nn.functional.silu(self.narrow(frames))[neighbours].flatten(1)
        hidden = self._drop(nn.functional.silu(self.join(narrowed)))
        return self.out(hidden + self._drop(nn.functional.silu(self.mix(self.norm(hidden)))))

    def parts(self, mean: np.ndarray, spread: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays of a Reader of plain features, and the bias of its outputs."""
        of = {name: value.detach().numpy().astype(np.float64) for name, value in self.state_dict().items()}
        narrow = of["narrow.weight"].T / spread[:, None]
        mix = of["mix.weight"].T
        return {
            "narrow": narrow,
            "narrow_bias": of["narrow.bias"] - mean @ narrow,
            "join": of["join.weight"].T,
            "join_bias": of["join.bias"],
            "mix": of["norm.weight"][:, None] * mix,
            "mix_bias": of["mix.bias"] + of["norm.bias"] @ mix,
            "out": of["out.weight"].T * scale,
            "out_bias": of["out.bias"] * scale,
        }


def loss(read: Tensor, wanted: Tensor) -> Tensor:
    """Of (clips, frames, outputs): least squares about the mean, and one minus correlation."""
    a, b = read.mean(dim=1, keepdim=True), wanted.mean(dim=1, keepdim=True)
    x, y = read - a, wanted - b
    squares = ((x - y) ** 2).mean() + MEAN * ((a - b) ** 2).mean()
    speed = (x.diff(dim=1) - y.diff(dim=1)).square().mean()
    alike = (x * y).sum(dim=1) / torch.sqrt((x**2).sum(dim=1) * (y**2).sum(dim=1) + 1e-3)
    weights = torch.tensor(IMPORTANCE)
    return squares + SPEED * speed + SHAPE * ((1 - alike) * weights).sum(dim=1).mean() / weights.sum()


def crops(examples: list[Example], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Frames, the places of rows in them, and what is wanted of each crop; longer clips come oftener."""
    lengths = np.array([len(example.wanted) for example in examples])
    frames, places, wanted, before = [], [], [], 0
    for chosen in rng.choice(len(examples), BATCH, p=lengths / lengths.sum()):
        example, length = examples[chosen], int(lengths[chosen])
        start = int(rng.integers(0, max(1, length - CROP + 1)))
        cut = torch.arange(start, start + CROP) % length
        near = example.neighbours[cut]
        first, last = int(near.min()), int(near.max())
        frames.append(example.frames[first : last + 1])
        places.append(near - first + before)
        before += last + 1 - first
        wanted.append(example.wanted[cut])
    return torch.cat(frames).float(), torch.cat(places), torch.stack(wanted)


def train(examples: list[Example], seed: int) -> Network:
    """A network fitted to the examples; the same one for the same seed on the same machine."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    width, taps, outputs = (
        examples[0].frames.shape[1],
        examples[0].neighbours.shape[1],
        examples[0].wanted.shape[1],
    )
    network = Network(width, taps, outputs)
    steps = EPOCHS * (sum(max(1, len(example.wanted) // CROP) for example in examples) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.2)
    for _ in range(steps):
        frames, places, wanted = crops(examples, rng)
        read = network(frames + NOISE * torch.randn(frames.shape), places)
        optimiser.zero_grad()
        loss(read.view(BATCH, CROP, outputs), wanted).backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def read(network: Network, example: Example) -> np.ndarray:
    """(T, outputs), standardised as the targets were."""
    with torch.inference_mode():
        return network(example.frames.float(), example.neighbours).numpy()
