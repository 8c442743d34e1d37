"""Writes the official networks as a folder of ONNX files that is a pack of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cfg.atomic_write import write_whole
from cfg.errors import ModelError
from ditto.media.inputs import NONE, Inputs
from ditto.packs.official.graphs import CONDITIONS, GRAPHS, OTHER_SIZES, SIZES, SPEECH, Graph
from ditto.packs.official.hubert import TransformersEncoder
from ditto.packs.official.networks.checkpoint import load
from ditto.packs.official.networks.lmdm import LMDM
from ditto.packs.official.task_file import TaskFile
from model_formats.backend import existing, sha256
from model_formats.export import OPSET, export_onnx
from model_formats.opening import open_model

MANIFEST = "manifest.json"
FACE_FILES = ("insightface_det", "landmark106", "landmark203", "blaze_face", "face_mesh")
TASK = "face_landmarker_task"  # holds the last two


@dataclass(frozen=True)
class Written:
    """A file of the pack, and what is known of it."""

    name: str
    path: Path
    source: Path
    largest: float | None = None  # difference from PyTorch, as a share of the largest value
    tolerance: float | None = None

    @property
    def too_far(self) -> bool:
        if self.largest is None or self.tolerance is None:
            return False
        return not self.largest <= self.tolerance  # also where it is no number

    def entry(self) -> dict[str, object]:
        origin = {"file": self.source.name}
        if self.source.is_file():
            origin |= {"sha256": sha256(self.source)}
        facts: dict[str, object] = {
            "file": self.path.name,
            "bytes": self.path.stat().st_size,
            "sha256": sha256(self.path),
            "from": origin,
        }
        if self.largest is not None:
            facts |= {"verified": {"largest_difference": self.largest, "tolerance": self.tolerance}}
        return facts


class Exporter:
    """Writes graph after graph; a network's weights are read once for all graphs made of it."""

    def __init__(
        self, files: Mapping[str, Path], to: Path, *, verify: bool = False, inputs: Inputs = NONE
    ) -> None:
        """`inputs` are read beside the files, and none of them is written over."""
        self._files = files
        self._to = to
        self._verify = verify
        self._inputs = inputs | Inputs(file for path in files.values() for file in (path, *path.rglob("*")))
        self._network = lru_cache(maxsize=1)(self._read)

    def names(self) -> list[str]:
        """Graphs that can be written from the files there are, those of one network side by side."""
        graphs = [name for name in GRAPHS if GRAPHS[name].network in self._files]
        graphs.sort(key=lambda name: GRAPHS[name].network)
        faces = [
            role
            for role in FACE_FILES
            if role in self._files or (TASK in self._files and role in FACE_FILES[3:])
        ]
        return graphs + ["hubert"] * ("hubert" in self._files) + faces

    def write(self, name: str) -> Written:
        """Raises ConfigError where it would take the place of something that is read."""
        self._inputs.check(self._to / f"{name}.onnx", self._to / MANIFEST)
        if name in GRAPHS:
            graph = GRAPHS[name]
            return self._graph(name, graph, graph.part(self._network(graph.network)))
        source = self._files.get(name) or self._files[TASK]
        if name == "hubert" and source.is_dir():
            return self._graph(name, SPEECH, speech_module(source))
        return Written(name, self._copied(name, source), source)

    def _read(self, role: str) -> nn.Module:
        return load(role, existing(self._files[role]))

    def _graph(self, name: str, graph: Graph, module: nn.Module) -> Written:
        path, source = self._to / f"{name}.onnx", self._files[graph.network]
        sizes = {CONDITIONS: self._conditions(graph)}
        export_onnx(
            module,
            path,
            list(graph.inputs),
            list(graph.outputs),
            list(graph.example(SIZES | sizes).values()),
            graph.open_axes(),
        )
        if not self._verify:
            return Written(name, path, source)
        return Written(
            name, path, source, difference(graph, module, path, OTHER_SIZES | sizes), graph.tolerance
        )

    def _conditions(self, graph: Graph) -> int:
        network = self._network(graph.network) if graph.network == "lmdm" else None
        return network.cond_projection.in_features if isinstance(network, LMDM) else 0

    def _copied(self, name: str, source: Path) -> Path:
        path = self._to / f"{name}.onnx"
        if source.suffix == ".task":
            bundle = TaskFile(source)
            write_whole(path, bundle.detector if name == "blaze_face" else bundle.mesh)
        elif source.suffix == ".onnx":
            write_whole(path, existing(source).read_bytes())
        else:
            raise ModelError(f"{source}: '{name}' is taken from an .onnx or .task file only")
        return path


class _Heard(nn.Module):
    """A speech encoder of the transformers library with the official input and output."""

    def __init__(self, encoder: nn.Module, normalise: bool) -> None:
        super().__init__()
        self._encoder = encoder
        self._normalise = normalise

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        if self._normalise:
            centred = input_values - input_values.mean()
            input_values = centred / torch.sqrt((centred * centred).mean() + 1e-7)
        heard: torch.Tensor = self._encoder(input_values).last_hidden_state[0]
        return heard


def speech_module(folder: Path) -> nn.Module:
    """(1, n) sound to (m, 1024) rows, from a folder in the layout of the transformers library."""
    encoder = TransformersEncoder(folder)
    return _Heard(encoder.network, encoder.normalise).eval()


def difference(graph: Graph, module: nn.Module, path: Path, sizes: Mapping[str, int]) -> float:
    """Largest difference of ONNX Runtime from PyTorch, as a share of each output's largest value."""
    example = graph.example(sizes, seed=1)
    with torch.inference_mode():
        made = module(*example.values())
    wanted = made if isinstance(made, tuple) else (made,)
    session = open_model(path)
    try:
        given = session.run({name: value.numpy() for name, value in example.items()})
    finally:
        session.close()
    shares = [
        float(np.abs(given[name] - value.numpy()).max() / value.abs().max())
        for name, value in zip(graph.outputs, wanted, strict=True)
    ]
    return max(shares)


def write_manifest(to: Path, written: Written) -> None:
    """Records a file with its checksum; records of other files stay while those do."""
    path = to / MANIFEST
    earlier = _recorded(path) if path.exists() else {}
    entries = {name: entry for name, entry in earlier.items() if (to / str(entry["file"])).is_file()}
    entries[written.name] = written.entry()
    content = {"format": 1, "pack": "ditto", "opset": OPSET, "torch": torch.__version__, "files": entries}
    write_whole(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def _recorded(path: Path) -> dict[str, dict[str, object]]:
    try:
        files = json.loads(path.read_text())["files"]
        return {str(name): {**entry, "file": str(entry["file"])} for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is damaged ({error!r}); delete it, or export to another folder") from error


def found_files(root: Path, named: Mapping[str, str]) -> dict[str, Path]:
    """The files of a PyTorch pack that are there, by role; ModelError where there are none."""
    candidates = {role: Path(name) if Path(name).exists() else root / name for role, name in named.items()}
    files = {role: path for role, path in candidates.items() if path.exists()}
    if not files:
        raise ModelError(
            f"{root}: none of {', '.join(named.values())} is there. "
            "docs/checkpoints.md says where to get them."
        )
    return files
