"""Builds TensorRT engines from ONNX graphs by Polygraphy. Not run on a GPU yet: TensorRT for RTX needs none.

Precision is written into the graph before the library sees it, so that one rule holds for every
version: TensorRT 10 and later and TensorRT for RTX take it from there (strongly typed networks);
8.6, which chooses by itself, is told layer by layer not to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import onnx

from cfg.errors import ModelError
from model_formats.compare import chosen
from model_formats.half import to_half
from model_formats.polygraphy_tools import bind, listening
from model_formats.rewrite import fix_axes, lower_to_opset_17, ordinary_grid_sample, standard_grid_sample
from model_formats.tensorrt_file import Stamp
from model_formats.tensorrt_library import MIN_VERSION, is_rtx, is_strongly_typed, samples_volumes, version

if TYPE_CHECKING:
    import tensorrt as trt
    from polygraphy.backend.trt import CreateConfig, Profile

Range = tuple[int, int, int]  # smallest, usual and largest size of an axis
Report = Callable[[str, int, int], None]  # phase, steps done, steps in all
MIN_PORTABLE_CAPABILITY = "8.0"  # compute capability from which on engines may be built for all newer GPUs


@dataclass(frozen=True)
class Recipe:
    """Wishes for an engine."""

    precision: Literal["fp16", "fp32"]
    ranges: Mapping[str, Range] = field(default_factory=dict)  # by name of an axis, or of an input
    newer_gpus: bool = False  # also for GPUs newer than this one, from Ampere on; somewhat slower
    tf32: bool = False  # whether fp32 products may be rounded to 10 bits, as half precision's are
    effort: int = 5  # of the search for fast kernels, 0 to 5
    workspace: int | None = None  # MiB that a kernel may use beside its tensors; None: all there is

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Machine:
    """Machine that an engine is built on, and so mostly the kind it can run on."""

    gpu: str = "any GPU"
    capability: str | None = None
    driver: str = ""

    def stamp(self, library: ModuleType, model: str, recipe: Recipe) -> Stamp:
        """Stamp of an engine built here from that graph (SHA-256)."""
        capability = f"{MIN_PORTABLE_CAPABILITY}+" if recipe.newer_gpus else self.capability
        return Stamp(
            library=str(library.__name__),
            version=str(library.__version__),
            gpu=self.gpu,
            capability=capability,
            precision=recipe.precision,
            driver=self.driver,
            model=model,
            recipe=recipe.digest(),
        )


def prepared(model: onnx.ModelProto, library: ModuleType, recipe: Recipe) -> onnx.ModelProto:
    """The graph as that library can take it, in the precision wanted; `model` itself stays as it is."""
    graph = onnx.ModelProto()
    graph.CopyFrom(model)
    standard_grid_sample(graph)
    fix_axes(graph, {axis: low for axis, (low, _, high) in recipe.ranges.items() if low == high})
    if recipe.precision == "fp16":
        to_half(graph)
    if version(library) < (9, 0) and not is_rtx(library):
        lower_to_opset_17(graph)
    elif not samples_volumes(library):
        ordinary_grid_sample(graph)
    return graph


def build_engine(
    library: ModuleType,
    graph: onnx.ModelProto,
    recipe: Recipe,
    cache: Path | None = None,
    report: Report | None = None,
) -> bytes:
    """The bytes of an engine, from a prepared graph. `cache` keeps timings of kernels between builds."""
    _check(library, recipe)
    bind(library)
    from polygraphy.backend.trt import EngineBytesFromNetwork, network_from_onnx_bytes
    from polygraphy.exception import PolygraphyException

    kept = None if cache is None or is_rtx(library) else str(cache)  # that one measures nothing
    config = _config(library, graph, recipe, kept, report)
    with listening() as words:
        try:
            made = network_from_onnx_bytes(
                graph.SerializeToString(), strongly_typed=is_strongly_typed(library)
            )
        except PolygraphyException as error:
            raise ModelError(
                f"TensorRT {library.__version__} cannot read the graph: {words.errors() or error}"
            ) from error
        if config.fp16:
            _pin_single(library, made[1])
        try:
            engine: bytes = EngineBytesFromNetwork(made, config, save_timing_cache=kept)()
            return engine
        except PolygraphyException as error:
            raise ModelError(
                f"TensorRT {library.__version__} built no engine: {words.errors() or error}"
            ) from error


def _check(library: ModuleType, recipe: Recipe) -> None:
    if not is_rtx(library) and version(library) < MIN_VERSION:
        raise ModelError(f"TensorRT {library.__version__} is too old; 8.6 is the oldest that is supported")
    if recipe.newer_gpus and is_rtx(library):
        raise ModelError("engines of TensorRT for RTX run on every GPU as they are; remove --newer-gpus")


def _config(
    library: ModuleType, graph: onnx.ModelProto, recipe: Recipe, kept: str | None, report: Report | None
) -> CreateConfig:
    from polygraphy.backend.trt import CreateConfig

    chooses = recipe.precision == "fp16" and not is_strongly_typed(library)  # the builder, not the graph
    level = library.HardwareCompatibilityLevel.AMPERE_PLUS if recipe.newer_gpus else None
    pool = {library.MemoryPoolType.WORKSPACE: recipe.workspace << 20} if recipe.workspace else None
    monitor = _monitor(library, report) if report and hasattr(library, "IProgressMonitor") else None
    return CreateConfig(
        profiles=[_profile(graph, recipe)],
        tf32=recipe.tf32,
        fp16=chooses,
        precision_constraints="obey" if chooses else None,
        load_timing_cache=kept,
        memory_pool_limits=pool,
        builder_optimization_level=None if is_rtx(library) else recipe.effort,
        hardware_compatibility_level=level,
        progress_monitor=monitor,
    )


def _pin_single(library: ModuleType, network: trt.INetworkDefinition) -> None:
    """Keeps every layer that the graph has in single precision there."""
    for i in range(network.num_layers):
        layer = network.get_layer(i)
        results = [layer.get_output(k) for k in range(layer.num_outputs)]
        if results and all(result.dtype == library.float32 for result in results):
            layer.precision = library.float32
            for k in range(layer.num_outputs):
                layer.set_output_type(k, library.float32)


def _profile(graph: onnx.ModelProto, recipe: Recipe) -> Profile:
    """Sizes of every input: smallest, usual and largest."""
    from polygraphy.backend.trt import Profile

    profile = Profile()
    for value in graph.graph.input:
        sizes = [
            (axis.dim_value,) * 3
            if axis.HasField("dim_value")
            else chosen(recipe.ranges, value.name, axis.dim_param, place)
            for place, axis in enumerate(value.type.tensor_type.shape.dim)
        ]
        smallest, usual, largest = zip(*sizes, strict=True) if sizes else ((), (), ())
        profile.add(value.name, smallest, usual, largest)
    return profile


def _monitor(library: ModuleType, report: Report) -> trt.IProgressMonitor:
    class Monitor(library.IProgressMonitor):  # type: ignore[misc, name-defined]
        """Tells of the outermost phase how far it is."""

        def __init__(self) -> None:
            super().__init__()
            self._steps: dict[str, int] = {}

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            if parent is None:
                self._steps[name] = steps
                report(name, 0, steps)

        def step_complete(self, name: str, step: int) -> bool:
            if name in self._steps:
                report(name, step + 1, self._steps[name])
            return True

        def phase_finish(self, name: str) -> None:
            if name in self._steps:
                report(name, self._steps[name], self._steps[name])

    return Monitor()
