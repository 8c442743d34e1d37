"""Networks to measure: with the official weights, or with seeded ones where there are none.

Speed does not depend on the values. Seeded ones are drawn from a generator seeded by the tensor's
name: weights of variance 2 / (numbers that meet in one result), norms near one, biases near zero.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cfg.errors import ModelError
from cfg.reading import built_in
from ditto.packs.official.networks.blocks import fold
from ditto.packs.official.networks.checkpoint import NETWORKS, filled, official_weights

CONDITIONS = 1103  # numbers that tell the denoiser of one frame


class Networks:
    """The official networks by name."""

    def __init__(self, root: Path | None) -> None:
        """`root` is the folder of the official checkpoints; None takes seeded weights."""
        if root is not None and not root.is_dir():
            raise ModelError(f"{root}: no such folder; without --data-root seeded weights are measured")
        self._root = root
        self._files: Mapping[str, str] = built_in("ditto_torch")["pack"]["files"]
        self.origin = str(root) if root is not None else "seeded weights (speed does not depend on them)"

    def plain(self, name: str) -> Any:
        """As it was published: nothing folded."""
        return filled(name, self._weights(name))

    def folded(self, name: str) -> Any:
        """As ours is loaded from a file, for any device."""
        return fold(self.plain(name))

    def on_cpu(self, name: str) -> Any:
        """As ours runs on a CPU in fp32."""
        rearrange = NETWORKS[name].on_cpu
        folded: nn.Module = self.folded(name)
        with torch.inference_mode():
            return folded if rearrange is None else rearrange(folded)

    def file(self, role: str) -> Path | None:
        """The official file of a role; None where there is none."""
        path = None if self._root is None else self._root / self._files[role]
        return path if path is not None and path.is_file() else None

    def folder(self, scratch: Path) -> Path:
        """A folder with the weights that are measured, named as the official ones are."""
        if self._root is not None:
            return self._root
        for name, official in NETWORKS.items():
            path = scratch / "weights" / self._files[name]
            if path.is_file():
                continue  # written for an earlier row
            path.parent.mkdir(parents=True, exist_ok=True)
            named = {official.prefix + key: value for key, value in self._weights(name).items()}
            torch.save({official.key: named} if official.key else named, path)
        return scratch / "weights"

    def _weights(self, name: str) -> dict[str, Tensor]:
        if self._root is not None:
            path = self._root / self._files[name]
            if not path.is_file():
                raise ModelError(f"{path}: no such file; without --data-root seeded weights are measured")
            return official_weights(name, path)
        with torch.device("meta"):
            like = {"cond_projection.weight": torch.empty(512, CONDITIONS)}
            shapes = NETWORKS[name].build(like).state_dict()
        return seeded(shapes)


def seeded(shapes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Values of ordinary size for tensors of those names, shapes and kinds."""
    made = {}
    for name, like in shapes.items():
        last, shape = name.rpartition(".")[2], tuple(like.shape)
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        if not like.is_floating_point():
            made[name] = torch.ones(shape, dtype=like.dtype)
        elif last == "freqs":
            made[name] = 1.0 / 10000 ** (torch.arange(shape[0]) / shape[0])
        elif last in ("running_var", "weight_u", "weight_v") or (len(shape) == 1 and last == "weight"):
            made[name] = torch.ones(shape)
        elif len(shape) < 2:
            made[name] = 0.05 * torch.randn(shape, generator=generator)
        else:
            spread = (2 / max(1, like[0].numel())) ** 0.5
            made[name] = spread * torch.randn(shape, generator=generator)
    for name in [n for n in made if n.endswith("weight_u")]:
        stem = name.removesuffix("_u")
        made[stem + "_v"] /= made[stem + "_orig"].flatten(1).sum()  # the kernel's norm comes out as one
    return made
