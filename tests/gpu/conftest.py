"""Every test here is written once and run on the processor and on a CUDA GPU.

`make test-full` runs the `cpu` half, which proves the tests themselves; `pytest -m gpu` runs the `cuda` half,
and `make gpu-check` what of it can be had in a few minutes.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ditto.packs.official.networks.blocks import fold  # noqa: E402
from ditto.packs.official.networks.checkpoint import NETWORKS  # noqa: E402
from ditto.packs.official.painting import OfficialDecoder, OfficialWarper  # noqa: E402
from model_formats.backend import TorchNetwork  # noqa: E402
from model_formats.batching import Batches  # noqa: E402
from model_formats.torch_file import TorchFile  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "golden"
MAP, VOLUME, KEYPOINTS = (None, 256, 64, 64), (None, 32, 16, 64, 64), (None, 21, 3)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "cuda":
        require_gpu()
    return request.param


def require_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip(f"PyTorch {torch.__version__} sees no CUDA GPU")


@pytest.fixture
def graph_device(device: str) -> str:
    """The device, where ONNX Runtime works on it."""
    import onnxruntime

    if device == "cuda" and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip(f"ONNX Runtime {onnxruntime.__version__} was not built for CUDA")
    return device


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def golden() -> SimpleNamespace:
    """The reference numbers: `case(entry)`, and `network(entry)` with the weights they were made with."""
    rules = golden_rules()
    manifest = json.loads((GOLDEN / "data" / "manifest.json").read_text())["models"]

    @lru_cache(maxsize=1)  # neighbouring cases share their weights
    def weights(variant: str, salt: str) -> Mapping[str, Any]:
        shapes = {t["name"]: tuple(t["shape"]) for t in manifest[variant]["tensors"]}
        rotary = (1.0 / 10000 ** (np.arange(256) * 2 / 512)).astype(np.float32)
        arrays = rules.fill(shapes, salt) | {name: rotary for name in shapes if name.endswith("freqs")}
        return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}

    def network(entry: Mapping[str, Any]) -> Any:
        options = entry["options"]
        name = options["model"]
        other = options.get("audio_feat_dim") == 1059
        held = weights("lmdm_audio1059" if other else name, options["salt"])
        module = NETWORKS[name].build(held).eval().requires_grad_(False)
        module.load_state_dict(held, strict=True)
        return fold(module)

    return SimpleNamespace(case=lambda entry: rules.load("models", entry), network=network)


def golden_rules() -> ModuleType:
    """The reader of the reference numbers, which knows how they were seeded."""
    spec = importlib.util.spec_from_file_location("golden_rules_for_gpu", GOLDEN / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def opened() -> Callable[..., TorchFile]:
    """opened(name, module, device, precision, ...): an official network as its .pth file would be."""

    def build(name: str, module: Any, device: str, precision: str = "fp32", **options: Any) -> TorchFile:
        official = NETWORKS[name]
        network = TorchNetwork(
            load=lambda path: module,
            inputs=official.inputs,
            outputs=official.outputs,
            whole=official.whole,
            on_cpu=official.on_cpu,
        )
        return TorchFile(Path(f"{name}.pth"), network, device, precision, **options)

    return build


class SmallWarp(torch.nn.Module):
    """Shapes of the warp network, next to no work."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = torch.nn.Conv2d(512, 256, 1, groups=64)

    def forward(self, feature_3d: Any, kp_source: Any, kp_driving: Any) -> Any:
        shift = (kp_driving - kp_source).mean(dim=(1, 2))
        return self.mix(feature_3d.flatten(1, 2)) + shift[:, None, None, None]


class SmallDecoder(torch.nn.Module):
    """Shapes of the decoder, next to no work."""

    def __init__(self) -> None:
        super().__init__()
        self.paint = torch.nn.Conv2d(256, 192, 1, groups=64)

    def forward(self, feature: Any) -> Any:
        return torch.sigmoid(torch.nn.functional.pixel_shuffle(self.paint(feature), 8))


SMALL = {
    "warp_network": (
        SmallWarp,
        {"feature_3d": VOLUME, "kp_source": KEYPOINTS, "kp_driving": KEYPOINTS},
        {"out": MAP},
    ),
    "decoder": (SmallDecoder, {"feature": MAP}, {"output": (None, 3, 512, 512)}),
}


@pytest.fixture(params=["small", pytest.param("official", marks=pytest.mark.full)])
def painters(request: pytest.FixtureRequest, device: str, opened: Any) -> Iterator[Any]:
    """painters(precision): both painting networks on the device, which keep their results there."""
    if (device, request.param) == ("cpu", "official"):
        pytest.skip("on the processor small networks stand for them, and tests/golden holds them to numbers")
    made: list[TorchFile] = []

    def build(precision: str = "fp32") -> SimpleNamespace:
        warp, decoder = (network(name, precision, keep_on_device=True) for name in SMALL)
        made.extend((warp, decoder))
        return SimpleNamespace(
            warp=warp,
            decoder=decoder,
            warper=OfficialWarper(Batches(warp, 2), place=partial(warp.place, "feature_3d")),
            painter=OfficialDecoder(Batches(decoder, 2)),
            kind=request.param,
        )

    def network(name: str, precision: str, keep_on_device: bool) -> TorchFile:
        if request.param == "official":
            module = seeded(name)
            return opened(name, module, device, precision, keep_on_device=keep_on_device)
        kind, inputs, outputs = SMALL[name]
        torch.manual_seed(0)
        plain = TorchNetwork(lambda path: kind(), inputs, outputs)
        return TorchFile(Path(f"{name}.pth"), plain, device, precision, keep_on_device=keep_on_device)

    yield build
    for file in made:
        file.close()


def seeded(name: str) -> Any:
    from benchmarks.official.weights import Networks

    return Networks(None).folded(name)


@pytest.fixture(scope="session")
def seeded_network() -> Callable[[str], Any]:
    """An official network with seeded weights, folded."""
    return seeded


@pytest.fixture
def poses() -> list[Any]:
    """Six poses of one portrait."""
    generator = np.random.default_rng(0)
    source = SimpleNamespace(look=generator.standard_normal((1, 32, 16, 64, 64)).astype(np.float32))
    at_rest = (0.3 * generator.standard_normal((1, 21, 3))).astype(np.float32)
    return [
        SimpleNamespace(
            source=source,
            at_rest=at_rest,
            driven=at_rest + (0.05 * generator.standard_normal((1, 21, 3))).astype(np.float32),
        )
        for _ in range(6)
    ]


@pytest.fixture(scope="session")
def graph_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[Path, Any]]]:
    """graph_file(name): an exported graph with seeded weights, and the module it was made of."""
    pytest.importorskip("onnx")
    from ditto.packs.official.graphs import GRAPHS
    from model_formats.export import export_onnx

    folder = tmp_path_factory.mktemp("graphs")

    @cache
    def written(name: str) -> tuple[Path, Any]:
        graph, path = GRAPHS[name], folder / f"{name}.onnx"
        module = graph.part(seeded(graph.network)).eval()
        example = list(graph.example({"batch": 1, "steps": 3, "conditions": 1103}).values())
        export_onnx(
            module, path, list(graph.inputs), list(graph.outputs), example, open_axes=graph.open_axes()
        )
        return path, module

    yield written
    shutil.rmtree(folder)  # up to a gigabyte
