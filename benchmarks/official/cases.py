"""Cases measured of the official networks: ours beside a plain execution, format by format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch

from benchmarks.official.device import Device
from benchmarks.official.operations import counted
from benchmarks.official.plain import PlainDenoiser, PlainWindows, plain_decoder
from benchmarks.official.putback import putback_inputs
from benchmarks.official.timing import Call, Case
from benchmarks.official.weights import CONDITIONS, Networks
from ditto.arrays import Floats
from ditto.motion.diffusion import Denoiser, DiffusionSampler
from ditto.packs.official.denoiser import GraphDenoiser, HalvedDenoiser, TorchDenoiser
from ditto.packs.official.graphs import CONDITIONS as OPEN_CONDITIONS
from ditto.packs.official.graphs import GRAPHS, SIZES
from ditto.packs.official.networks.checkpoint import NETWORKS
from ditto.packs.official.networks.checkpoint import network as described
from ditto.packs.official.pack import graphs_of
from ditto.packs.official.painting import HalvedWarper
from ditto.packs.official.recorded_denoiser import RecordedDenoiser
from model_formats.backend import Backend, Precision
from model_formats.batching import Batches
from model_formats.export import export_onnx
from model_formats.opening import open_model
from model_formats.replay import CudaRecorder
from model_formats.torch_file import TorchFile

SINGLE = {
    "warp": "warp_network",
    "decode": "decoder",
    "appearance": "appearance_extractor",
    "motion_extractor": "motion_extractor",
    "stitch": "stitch_network",
}
GRAPHS_FORM = "graphs"  # PyTorch, calls recorded as CUDA graphs
TORCH = ("torch", GRAPHS_FORM)
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Exported:
    """A graph that was made on the way."""

    network: Backend
    gflop: float  # operations of one run, thousand millions


@dataclass(frozen=True)
class Bench:
    """What is to be measured, and with what."""

    networks: Networks
    folder: Path  # for graphs made on the way
    formats: tuple[str, ...] = ("torch", "onnx")
    precisions: tuple[str, ...] = ("fp32",)
    batches: tuple[int, ...] = (1,)
    steps: int = 50
    threads: int = 1
    device: Device = field(default_factory=Device)
    engines: Path | None = None  # folder of TensorRT engines, named as `ditto convert` names them
    plain_gflop: dict[str, float] = field(default_factory=dict)  # what was counted before

    def cases(self, what: str) -> Iterator[Case]:
        """The cases of one thing; the networks of one are dropped before the next is loaded."""
        if what == "denoiser_window":
            yield from self._windows()
        elif what == "hubert":
            yield from self._speech()
        else:
            yield from self._single(what)
        if self.engines is not None:
            yield from self._engine_cases(what, self.engines)

    def _speech(self) -> Iterator[Case]:
        """The encoder of the voice, of which there are only official weights."""
        path = self.networks.file("hubert")
        if path is not None and "onnx" in self.formats:
            network = open_model(path, self.device.name, threads=self.threads)
            feeds = given_to("hubert")
            yield Case("hubert", "onnx", "fp32", lambda: network.run(feeds))

    def _engine_cases(self, what: str, folder: Path) -> Iterator[Case]:
        """TensorRT's engines of one thing, in every precision there are of them."""
        name = {**SINGLE, "denoiser_window": "lmdm", "hubert": "hubert"}[what]
        stem = "lmdm_v0.4_hubert" if name == "lmdm" else name
        for precision in ("fp32", "fp16"):
            files = graphs_of(name, folder / f"{stem}_{precision}.engine")
            if not all(file.is_file() for file in files.values()):
                continue
            opened = [open_model(file, self.device.name) for file in files.values()]
            if name == "lmdm":
                denoiser = HalvedDenoiser(*opened) if len(opened) == 2 else GraphDenoiser(*opened)
                ours = self._window(denoiser)
            elif len(opened) == 2:
                ours = moving(*opened)
            else:
                ours = calling(opened[0], given_to(what))
            yield Case(what, "tensorrt", precision, self.device.finished(ours))
            for network in opened:
                network.close()

    def _single(self, what: str) -> Iterator[Case]:
        name = SINGLE[what]
        size = (
            sum(t.numel() * t.element_size() for t in self.networks.plain(name).state_dict().values()) / 1e6
        )
        for batch in self.batches:
            feeds = inputs(name, batch)
            for form in (form for form in TORCH if form in self.formats):
                for precision in self.precisions:
                    yield self._torch_case(what, name, form, precision, feeds, batch, size)
            if "onnx" in self.formats and batch == 1:
                yield self._onnx_case(what, name, feeds, size)

    def _torch_case(
        self,
        what: str,
        name: str,
        form: str,
        precision: str,
        feeds: Mapping[str, Floats],
        batch: int,
        size: float,
    ) -> Case:
        given = [torch.from_numpy(array).to(self.device.name) for array in feeds.values()]
        plain = self.networks.plain(name)
        if name == "decoder":
            plain = plain_decoder(plain)
        half = HALF.get(precision)
        if self.device.is_gpu:  # both ways in the row's precision
            baseline = self._running(plain, given, half, tf32=precision == "tf32")
            own = self.networks.folded(name)
            gflop = counted(self._running(own, given, half))
            ours = self._opened(name, own, form, precision, feeds)
        else:
            own = self.networks.on_cpu(name) if precision == "fp32" else self.networks.folded(name)
            baseline, ours = self._running(plain, given), self._running(own, given, half)
            gflop = counted(ours)
        if what not in self.plain_gflop:
            self.plain_gflop[what] = counted(baseline)
        case = Case(what, form, precision, ours, baseline, batch, gflop, size)
        return replace(case, plain_gflop=self.plain_gflop[what] * batch)

    def _running(
        self, module: Any, given: list[Any], half: torch.dtype | None = None, tf32: bool = False
    ) -> Call:
        """A call of a network on the device, to its end."""
        return self.device.finished(running(module.to(self.device.name), given, half), tf32)

    def _opened(self, name: str, module: Any, form: str, precision: str, feeds: Mapping[str, Floats]) -> Call:
        """The same as the pack runs it, arrays brought to the device beforehand and left there."""
        opened = TorchFile(
            Path(f"{name}.pth"),
            replace(described(name), load=lambda path: module),
            self.device.name,
            cast(Precision, precision),
            keep_on_device=True,
            graphs=form == GRAPHS_FORM,
        )
        placed = {key: opened.place(key, array) for key, array in feeds.items()}
        return self.device.finished(calling(opened, placed), tf32=precision == "tf32")

    def _onnx_case(self, what: str, name: str, feeds: Mapping[str, Floats], size: float) -> Case:
        plain = self.networks.plain(name)
        baseline = self._exported(name, plain_decoder(plain) if name == "decoder" else plain)
        del plain
        folded = self.networks.folded(name)
        if name == "warp_network":
            source, frame = (
                self._exported(half, GRAPHS[half].part(folded)) for half in ("warp_source", "warp_frame")
            )
            ours, gflop = moving(source.network, frame.network), frame.gflop
        else:
            own = self._exported(name, folded)
            ours, gflop = calling(own.network, feeds), own.gflop
        return Case(
            what,
            "onnx",
            "fp32",
            ours,
            calling(baseline.network, feeds),
            gflop=gflop,
            megabytes=size,
            plain_gflop=baseline.gflop,
        )

    def _denoiser(self, form: str, precision: str) -> TorchDenoiser:
        folded, device = self.networks.folded("lmdm"), self.device.name
        if form != GRAPHS_FORM:
            return TorchDenoiser(folded, device, precision)
        return RecordedDenoiser(folded, device, precision, CudaRecorder(torch.device(device)))

    def _window(self, denoiser: Denoiser) -> Call:
        """A window of motion by that denoiser."""
        given = given_to("denoiser_window")
        previous, conditions = given["previous"], given["conditions"]
        sampler = DiffusionSampler(denoiser, self.steps)
        return lambda: sampler.sample(previous, conditions, np.random.default_rng(0))

    def _windows(self) -> Iterator[Case]:
        size = sum(t.numel() * 4 for t in self.networks.plain("lmdm").state_dict().values()) / 1e6

        forms = [form for form in TORCH if form in self.formats]
        if forms:
            plainly = PlainWindows(PlainDenoiser(self.networks.plain("lmdm")), self.device.name)
            baseline = self._window(plainly)
            once = counted(replace(self, steps=1)._window(plainly))
            for form, precision in product(forms, self.precisions):
                ours = self._window(self._denoiser(form, precision))
                yield Case(
                    "denoiser_window",
                    form,
                    precision,
                    ours,
                    baseline,
                    gflop=counted(ours),
                    megabytes=self.steps * size,
                    plain_gflop=once * self.steps,
                )
        if "onnx" in self.formats:
            plain = self._exported("lmdm_v0.4_hubert", PlainDenoiser(self.networks.plain("lmdm")))
            network = self.networks.folded("lmdm")
            told, step = (self._exported(h, GRAPHS[h].part(network)) for h in ("lmdm_window", "lmdm_step"))
            yield Case(
                "denoiser_window",
                "onnx",
                "fp32",
                self._window(HalvedDenoiser(told.network, step.network)),
                self._window(GraphDenoiser(plain.network)),
                gflop=told.gflop + self.steps * step.gflop,
                megabytes=self.steps * size,
                plain_gflop=self.steps * plain.gflop,
            )

    def _exported(self, name: str, module: Any) -> Exported:
        """A module as the graph of that name, opened."""
        graph, path = GRAPHS[name], self.folder / f"{name}.onnx"
        example = graph.example(SIZES | {OPEN_CONDITIONS: CONDITIONS, "steps": self.steps})
        given = list(example.values())
        export_onnx(module, path, list(graph.inputs), list(graph.outputs), given, open_axes=graph.open_axes())
        opened = open_model(path, self.device.name, threads=self.threads)
        path.unlink()
        return Exported(opened, counted(running(module, given)))


def calling(network: Backend, feeds: Mapping[str, Any]) -> Call:
    """A call of an opened network."""
    return lambda: network.run(feeds)


def moving(source: Backend, frame: Backend) -> Call:
    """A portrait moved by the warp network in halves, the first of which has looked at it."""
    volume, rest, driven = inputs("warp_network").values()
    pose: Any = SimpleNamespace(source=SimpleNamespace(look=volume), at_rest=rest, driven=driven)
    warper = HalvedWarper(source, Batches(frame))
    return lambda: warper(pose)


def running(module: Callable[..., Any], given: list[Any], half: torch.dtype | None = None) -> Call:
    """A call of a network in inference mode."""

    def call() -> Any:
        casting: AbstractContextManager[Any] = nullcontext()
        if half is not None:
            casting = torch.autocast(given[0].device.type, half)
        with torch.inference_mode(), casting:
            return module(*given)

    return call


def given_to(what: str, steps: int = 50) -> dict[str, Any]:
    """What a function that does `what` is given, by name."""
    generator = np.random.default_rng(0)
    if what == "denoiser_window":
        drawn = generator.standard_normal((80, CONDITIONS)).astype(np.float32)
        return {"previous": drawn[0, :265], "conditions": drawn, "steps": steps}
    if what == "hubert":
        return {"input_values": 0.1 * generator.standard_normal((1, 6480)).astype(np.float32)}
    return putback_inputs() if what.startswith("putback") else inputs(SINGLE[what])


def inputs(name: str, batch: int = 1) -> dict[str, Floats]:
    """Seeded numbers of plausible sizes for the inputs of a network."""
    generator = np.random.default_rng(0)
    made = {}
    for key, shape in NETWORKS[name].inputs.items():
        drawn = generator.standard_normal([batch, *(n or 1 for n in shape[1:])]).astype(np.float32)
        made[key] = 0.3 * drawn if key.startswith("kp") else drawn
    return made
