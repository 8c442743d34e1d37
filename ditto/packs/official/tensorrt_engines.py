"""The official networks as TensorRT engines: which precision each bears, and which sizes it meets.

Not run on a GPU yet: engines of TensorRT for RTX are built without one, none has been run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import onnx
from google.protobuf.message import DecodeError

from cfg.atomic_write import part_of, write_whole
from cfg.errors import ModelError
from ditto.media.inputs import Inputs
from ditto.packs.official.example_inputs import INTEGER_BOUNDS, SPREADS
from model_formats.backend import existing, sha256
from model_formats.compare import Comparison, backend_runner, compared, example_data, graph_runner
from model_formats.cuda_memory import CudaMemory
from model_formats.opening import open_model
from model_formats.polygraphy_tools import bind
from model_formats.rewrite import standard_grid_sample
from model_formats.tensorrt_build import Machine, Range, Recipe, Report, build_engine, prepared
from model_formats.tensorrt_file import read_stamp, stamp_of
from model_formats.tensorrt_library import is_rtx

if TYPE_CHECKING:
    from polygraphy.backend.base import BaseRunner
    from polygraphy.comparator import DataLoader

# Rounding in these is heard or seen: motion is summed over many steps, poses are small differences of
# large sums, and speech features drive everything.
EXACT = ("lmdm", "motion_extractor", "hubert", "wavlm")
RANGES: Mapping[str, Range] = {
    "steps": (1, 50, 200),  # of the denoiser, for one window
    "input_values": (3240, 6480, 12960),  # samples: half, one and two windows of live speech
    "samples": (3240, 6480, 12960),
    "input.1": (512, 512, 512),  # pixels, face detector as InsightFace publishes it
    "audio": (1000, 320080, 320080),  # samples, WavLM
}
TOLERANCES = {"fp16": 5e-2, "fp32": 1e-3}  # largest difference, as a share of the largest value


def precision_of(name: str) -> Literal["fp16", "fp32"]:
    return "fp32" if name.startswith(EXACT) else "fp16"


@dataclass(frozen=True)
class Outcome:
    """Result of converting one graph."""

    engine: Path
    built: bool  # False: it was there, and still fits


class Conversion:
    """Turns ONNX files into engines, one by one; what is there and still fits is kept."""

    def __init__(
        self,
        library: ModuleType,
        to: Path,
        recipe: Recipe,
        *,
        device: int = 0,
        precisions: Mapping[str, Literal["fp16", "fp32"]] | None = None,
        force: bool = False,
    ) -> None:
        self._library = library
        self._to = to
        self._recipe = replace(recipe, ranges={**RANGES, **recipe.ranges})
        self._device = device
        self._precisions = precisions or {}
        self._force = force
        self._machine = self._looked_up()
        self._cache = to / f"timings-{library.__name__}-{library.__version__}-{self._machine.capability}.bin"

    def require_gpu(self) -> None:
        """Raises ModelError where engines cannot be run, before time is spent on building them."""
        try:
            CudaMemory(self._device).close()
        except ModelError as error:
            raise ModelError(f"--verify runs the engines, which needs an NVIDIA GPU: {error}") from error

    def convert(self, path: Path, report: Report | None = None) -> Outcome:
        recipe = self._recipe_of(path)
        engine = self._to / f"{path.stem}_{recipe.precision}.engine"
        part = engine.with_name(part_of(engine.name))
        Inputs(path.parent.glob("*.onnx")).check(engine, part, stamp_of(engine), self._cache)
        stamp = self._machine.stamp(self._library, sha256(existing(path)), recipe)
        if not self._force and engine.is_file() and read_stamp(engine) == stamp:
            return Outcome(engine, built=False)
        graph = prepared(loaded(path), self._library, recipe)
        plan = build_engine(self._library, graph, recipe, self._cache, report)
        write_whole(engine, plan)
        stamp.write(engine)
        return Outcome(engine, built=True)

    def compare_engine(self, path: Path, outcome: Outcome) -> Comparison:
        """The engine, as a pack would run it, beside the ONNX file in ONNX Runtime."""
        model, data = self._exact(path)
        network = open_model(outcome.engine, f"cuda:{self._device}")
        try:
            return self._compared(path, model, backend_runner(network, data, outcome.engine.name), data)
        finally:
            network.close()

    def compare_graph(self, path: Path) -> Comparison:
        """The same of the graph that goes into the engine; needs no GPU."""
        model, data = self._exact(path)
        graph = prepared(model, self._library, self._recipe_of(path))
        return self._compared(path, model, graph_runner(graph, f"{path.name} rewritten"), data)

    def _exact(self, path: Path) -> tuple[onnx.ModelProto, DataLoader]:
        """The graph as ONNX Runtime takes it, and numbers for its inputs."""
        bind(self._library)
        model = loaded(path)
        standard_grid_sample(model)
        usual = {axis: size for axis, (_, size, _) in self._recipe.ranges.items()}
        return model, example_data(model.graph, usual, SPREADS, INTEGER_BOUNDS)

    def _compared(
        self, path: Path, model: onnx.ModelProto, other: BaseRunner, data: DataLoader
    ) -> Comparison:
        allowed = TOLERANCES[self._recipe_of(path).precision]
        return compared(graph_runner(model, path.name), other, data, allowed)

    def _recipe_of(self, path: Path) -> Recipe:
        precision = self._precisions.get(path.stem) or precision_of(path.stem)
        return replace(self._recipe, precision=precision)

    def _looked_up(self) -> Machine:
        if is_rtx(self._library):
            return Machine()  # builds for every GPU, and needs none
        memory = CudaMemory(self._device)
        memory.close()
        if self._recipe.newer_gpus and int(memory.capability.partition(".")[0]) < 8:
            raise ModelError(
                f"--newer-gpus works from compute capability 8.0 on; {memory.name} has {memory.capability}"
            )
        return Machine(memory.name, memory.capability, memory.driver)


def loaded(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(existing(path))
    except DecodeError as error:
        raise ModelError(f"{path} is not a readable .onnx file: {error}") from error
