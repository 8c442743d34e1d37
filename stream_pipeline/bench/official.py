"""What is measured of the official networks: ours beside a plain execution, format by format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from ditto.messages import Floats
from ditto.motion.diffusion import Denoiser, DiffusionSampler
from ditto.networks.checkpoint import NETWORKS
from ditto.official.denoiser import GraphDenoiser, HalvedDenoiser, TorchDenoiser
from ditto.official.graphs import CONDITIONS as OPEN_CONDITIONS
from ditto.official.graphs import GRAPHS, SIZES
from ditto.official.painting import HalvedWarper
from model_formats.backend import Backend
from model_formats.export import export_onnx
from model_formats.opening import open_model
from stream_pipeline.bench.operations import counted
from stream_pipeline.bench.plain import PlainDenoiser, PlainWindows, plain_decoder
from stream_pipeline.bench.stages import putback_inputs
from stream_pipeline.bench.timing import Call, Case
from stream_pipeline.bench.weights import CONDITIONS, Networks

SINGLE = {
    "warp": "warp_network",
    "decode": "decoder",
    "appearance": "appearance_extractor",
    "motion_extractor": "motion_extractor",
    "stitch": "stitch_network",
}
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
    plain_gflop: dict[str, float] = field(default_factory=dict)  # what was counted before

    def cases(self, what: str) -> Iterator[Case]:
        """The cases of one thing; the networks of one are dropped before the next is loaded."""
        if what == "denoiser_window":
            yield from self._windows()
        elif what == "hubert":
            yield from self._speech()
        else:
            yield from self._single(what)

    def _speech(self) -> Iterator[Case]:
        """The encoder of the voice, of which there are only official weights."""
        path = self.networks.file("hubert")
        if path is not None and "onnx" in self.formats:
            network = open_model(path, threads=self.threads)
            feeds = given_to("hubert")
            yield Case("hubert", "onnx", "fp32", lambda: network.run(feeds))

    def _single(self, what: str) -> Iterator[Case]:
        name = SINGLE[what]
        size = (
            sum(t.numel() * t.element_size() for t in self.networks.plain(name).state_dict().values()) / 1e6
        )
        for batch in self.batches:
            feeds = inputs(name, batch)
            if "torch" in self.formats:
                for precision in self.precisions:
                    yield self._torch_case(what, name, precision, feeds, batch, size)
            if "onnx" in self.formats and batch == 1:
                yield self._onnx_case(what, name, feeds, size)

    def _torch_case(
        self, what: str, name: str, precision: str, feeds: Mapping[str, Floats], batch: int, size: float
    ) -> Case:
        given = [torch.from_numpy(array) for array in feeds.values()]
        plain = self.networks.plain(name)
        baseline = running(plain_decoder(plain) if name == "decoder" else plain, given)
        own = self.networks.on_cpu(name) if precision == "fp32" else self.networks.folded(name)
        ours = running(own, given, HALF.get(precision))
        if what not in self.plain_gflop:
            self.plain_gflop[what] = counted(baseline)
        case = Case(what, "torch", precision, ours, baseline, batch, counted(ours), size)
        return replace(case, plain_gflop=self.plain_gflop[what] * batch)

    def _onnx_case(self, what: str, name: str, feeds: Mapping[str, Floats], size: float) -> Case:
        plain = self.networks.plain(name)
        baseline = self._exported(name, plain_decoder(plain) if name == "decoder" else plain)
        del plain
        folded = self.networks.folded(name)
        if name == "warp_network":
            source, frame = (
                self._exported(half, GRAPHS[half].part(folded)) for half in ("warp_source", "warp_frame")
            )
            warper, gflop = HalvedWarper(source.network, frame.network), frame.gflop
            volume, rest, driven = feeds.values()
            pose: Any = SimpleNamespace(
                source=SimpleNamespace(appearance=volume), at_rest=rest, driven=driven
            )
            ours: Call = lambda: warper(pose)  # noqa: E731
        else:
            own = self._exported(name, folded)
            gflop = own.gflop
            ours = lambda: own.network.run(feeds)  # noqa: E731
        return Case(
            what,
            "onnx",
            "fp32",
            ours,
            lambda: baseline.network.run(feeds),
            gflop=gflop,
            megabytes=size,
            plain_gflop=baseline.gflop,
        )

    def _windows(self) -> Iterator[Case]:
        given = given_to("denoiser_window")
        previous, conditions = given["previous"], given["conditions"]
        size = sum(t.numel() * 4 for t in self.networks.plain("lmdm").state_dict().values()) / 1e6

        def window(denoiser: Denoiser) -> Call:
            sampler = DiffusionSampler(denoiser, self.steps)
            return lambda: sampler.sample(previous, conditions, np.random.default_rng(0))

        if "torch" in self.formats:
            baseline = window(PlainWindows(PlainDenoiser(self.networks.plain("lmdm"))))
            first = DiffusionSampler(PlainWindows(PlainDenoiser(self.networks.plain("lmdm"))), 1)
            once = counted(lambda: first.sample(previous, conditions, np.random.default_rng(0)))
            for precision in self.precisions:
                ours = window(TorchDenoiser(self.networks.folded("lmdm"), "cpu", precision))
                yield Case(
                    "denoiser_window",
                    "torch",
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
                window(HalvedDenoiser(told.network, step.network)),
                window(GraphDenoiser(plain.network)),
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
        opened = open_model(path, threads=self.threads)
        path.unlink()
        return Exported(opened, counted(running(module, given)))


def running(module: Callable[..., Any], given: list[Any], half: torch.dtype | None = None) -> Call:
    """A call of a network in inference mode."""

    def call() -> Any:
        casting: AbstractContextManager[Any] = nullcontext()
        if half is not None:
            casting = torch.autocast("cpu", half)
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
