"""The official networks with seeded weights, held to the reference's own numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ditto.packs.official.networks.blocks import fold  # noqa: E402
from ditto.packs.official.networks.checkpoint import NETWORKS, load, network  # noqa: E402
from model_formats import open_model  # noqa: E402
from model_formats.export import export_onnx  # noqa: E402
from tests.rounding import share_of, share_of_official  # noqa: E402

HEAVY = ("warp_network", "decoder")  # seconds on one core


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Seeded:
    """One case with the network it speaks of, not yet folded."""

    case: Any
    name: str
    weights: Mapping[str, Any]

    def build(self) -> Any:
        module = NETWORKS[self.name].build(self.weights).eval()
        module.load_state_dict(self.weights, strict=True)
        return module

    def feeds(self) -> dict[str, np.ndarray]:
        given = {name: self.case.given[name] for name in NETWORKS[self.name].inputs if name != "time_cond"}
        if self.name == "lmdm":
            given["time_cond"] = np.array([self.case.options["time_cond"]], np.int64)
        return given

    def run(self, module: Any) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            made = module(*(torch.from_numpy(a) for a in self.feeds().values()))
        results = made if isinstance(made, tuple) else (made,)
        return dict(zip(NETWORKS[self.name].outputs, (r.numpy() for r in results), strict=True))


@pytest.fixture(scope="module")
def weights_of(
    manifest: Mapping[str, Any], filled: Callable[..., dict[str, np.ndarray]]
) -> Callable[[str, str], dict[str, Any]]:
    @lru_cache(maxsize=1)  # neighbouring cases share their weights
    def weights(variant: str, salt: str) -> dict[str, Any]:
        shapes = {t["name"]: tuple(t["shape"]) for t in manifest["models"][variant]["tensors"]}
        arrays = filled(shapes, salt)
        rotary = (1.0 / 10000 ** (np.arange(256) * 2 / 512)).astype(np.float32)
        arrays |= {name: rotary for name in shapes if name.endswith("freqs")}
        return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}

    return weights


@pytest.fixture
def seeded(case: Any, weights_of: Callable[[str, str], dict[str, Any]]) -> Seeded:
    name = case.options["model"]
    variant = "lmdm_audio1059" if case.options.get("audio_feat_dim") == 1059 else name
    return Seeded(case, name, weights_of(variant, case.options["salt"]))


def within(case: Any, results: Mapping[str, np.ndarray], summarise: Callable[..., np.ndarray]) -> None:
    """Five times the reference's own rounding (README of the data), or what another order of sums allows."""
    rounding = share_of_official(case.options["model"])
    for name, largest in case.options["max_abs"].items():
        bound = max(5 * case.options["fp64_max_abs_dev"][name], rounding * largest)
        result = results[name]
        if name in case.expected:
            np.testing.assert_allclose(result, case.expected[name], rtol=0, atol=bound)
            continue
        sparse = result[tuple(slice(None, None, step) for step in case.options["stride"])]
        np.testing.assert_allclose(sparse, case.expected[f"{name}.sub"], rtol=0, atol=bound)
        axes = tuple(range(1, result.ndim - 1))
        np.testing.assert_allclose(
            result[0].mean(axes, np.float64), case.expected[f"{name}.chan_mean"], rtol=0, atol=bound
        )
        stats = summarise(result, f"{case.options['proj_key_prefix']}:{name}")
        wanted = case.expected[f"{name}.stats"]
        np.testing.assert_allclose(stats[:4], wanted[:4], rtol=0, atol=bound)
        ray = np.sqrt(result.size) * bound  # what independent errors of `bound` add up to, at most
        np.testing.assert_allclose(stats[6], wanted[6], rtol=0, atol=5 * ray)


@pytest.mark.parametrize("variant", [*NETWORKS, "lmdm_audio1059"])
def test_state_names_and_shapes_are_the_official_ones(variant, manifest):
    wanted = {t["name"]: t["shape"] for t in manifest["models"][variant]["tensors"]}
    with torch.device("meta"):
        given = {name: torch.empty(shape) for name, shape in wanted.items()}
        state = NETWORKS[variant.removesuffix("_audio1059")].build(given).state_dict()
    assert {name: list(tensor.shape) for name, tensor in state.items()} == wanted


@pytest.mark.golden("models")
def test_light_networks_give_the_reference_numbers(case, seeded, summarise):
    if seeded.name in HEAVY:
        pytest.skip("takes seconds; in the tests below")
    module = seeded.build()
    within(case, seeded.run(module), summarise)
    within(case, seeded.run(fold(module)), summarise)


@pytest.mark.full
@pytest.mark.golden("models", model="warp_network")
def test_the_warp_network_gives_the_reference_numbers(case, seeded, summarise):
    within(case, seeded.run(seeded.build()), summarise)


@pytest.mark.full
@pytest.mark.golden("models", model="decoder")
def test_the_decoder_gives_the_reference_numbers(case, seeded, summarise):
    within(case, seeded.run(seeded.build()), summarise)


def saved(seeded: Seeded, path: Path) -> Path:
    """The checkpoint as the official one is wrapped."""
    official = NETWORKS[seeded.name]
    named = {official.prefix + name: tensor for name, tensor in seeded.weights.items()}
    torch.save({official.key: named} if official.key else named, path)
    return path


@pytest.mark.full
@pytest.mark.golden("models")
def test_a_checkpoint_and_its_onnx_export_give_the_reference_numbers(case, seeded, summarise, tmp_path):
    official = NETWORKS[seeded.name]
    weights = saved(seeded, tmp_path / "network.pth")
    feeds = seeded.feeds()
    opened = open_model(weights, network=network(seeded.name))
    within(case, opened.run(feeds), summarise)
    opened.close()

    exported = tmp_path / "network.onnx"
    example = [torch.from_numpy(array) for array in feeds.values()]
    export_onnx(load(seeded.name, weights), exported, list(official.inputs), list(official.outputs), example)
    session = open_model(exported, threads=1)
    assert session.inputs == {name: tuple(array.shape) for name, array in feeds.items()}
    within(case, session.run(feeds), summarise)
    session.close()


@pytest.mark.golden("models", model="lmdm", audio_feat_dim=1103)
def test_one_encoding_serves_every_step_of_the_denoiser(seeded):
    module = seeded.build()
    x, previous, conditions = (torch.from_numpy(seeded.case.given[n]) for n in ("x", "cond_frame", "cond"))
    times = torch.tensor([999, 500, 19])
    with torch.inference_mode():
        encoded = module.encode(conditions, times)
        for step, time in enumerate(times):
            plain = module(x, previous, conditions, time[None])
            for fast, full in zip(module.denoise(x, previous, encoded, step), plain, strict=True):
                bound = share_of(module) * float(full.abs().max())
                torch.testing.assert_close(fast, full, rtol=0, atol=bound)


@pytest.mark.golden("models", model="lmdm", audio_feat_dim=1103)
def test_windows_denoised_together_are_those_denoised_alone(seeded):
    module = seeded.build()
    x, previous, conditions = (torch.from_numpy(seeded.case.given[n]) for n in ("x", "cond_frame", "cond"))
    pair = [torch.cat([a, a.flip(-1)]) for a in (x, previous, conditions)]
    time = torch.tensor([500])
    with torch.inference_mode():
        together = module(*pair, time)[1]
        for i in range(2):
            alone = module(*(a[i : i + 1] for a in pair), time)[1][0]
            torch.testing.assert_close(
                together[i], alone, rtol=0, atol=share_of(module) * float(alone.abs().max())
            )
