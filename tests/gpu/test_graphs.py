"""ONNX graphs, whole and in halves, beside PyTorch on the processor."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ditto.packs.official.graphs import GRAPHS
from ditto.packs.official.painting import HalvedWarper
from model_formats import open_model

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

QUICK = ("stitch_network",)
# What separates two libraries in fp32, five times what the exports are allowed on a processor
# (docs/formats.md): a GPU's libraries sum in other orders.
ROOM = 5


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.full]) for name in GRAPHS]
)
def test_a_graph_gives_what_pytorch_gives(name, graph_device, graph_file):
    if (graph_device, name) == ("cpu", "decoder"):
        pytest.skip("half a minute; tests/golden holds it to numbers on the processor")
    path, module = graph_file(name)
    graph = GRAPHS[name]
    given = graph.example({"batch": 1, "steps": 3, "conditions": 1103})
    with torch.inference_mode():
        made = module(*given.values())
    results = made if isinstance(made, tuple) else (made,)
    wanted = {key: result.numpy() for key, result in zip(graph.outputs, results, strict=True)}
    network = open_model(path, graph_device, threads=1)
    feeds = {key: value.numpy() for key, value in given.items()}
    given = network.run(feeds)
    network.close()
    for output, exact in wanted.items():
        allowed = ROOM * graph.tolerance * np.abs(exact).max()
        np.testing.assert_allclose(given[output], exact, rtol=0, atol=allowed, err_msg=output)


@pytest.mark.full
def test_the_halves_of_the_warp_network_hand_over_on_the_device(graph_device, graph_file, poses):
    """What the first half and a frame gave are fed on as they are."""
    (source, _), (frame, _), (whole, _) = map(graph_file, ("warp_source", "warp_frame", "warp_network"))
    halves = [open_model(path, graph_device, threads=1, keep_on_device=True) for path in (source, frame)]
    moved = HalvedWarper(*halves)(poses[0])
    assert moved.device_name() == graph_device
    single = open_model(whole, graph_device, threads=1)
    pose = poses[0]
    wanted = single.run(
        {"feature_3d": pose.source.look, "kp_source": pose.at_rest, "kp_driving": pose.driven}
    )["out"]
    np.testing.assert_allclose(moved.numpy(), wanted, rtol=0, atol=5e-4 * np.abs(wanted).max())
    for network in (*halves, single):
        network.close()


def test_an_input_placed_on_the_device_is_fed_as_often_as_it_is_needed(graph_device, graph_file):
    path, _ = graph_file("stitch_network")
    network = open_model(path, graph_device, threads=1)
    rest, driven = np.full((1, 21, 3), 0.1, np.float32), np.full((1, 21, 3), 0.2, np.float32)
    there = network.place("kp_source", rest)
    assert there.device_name() == graph_device
    wanted = network.run({"kp_source": rest, "kp_driving": driven})["out"]
    for _ in range(2):
        np.testing.assert_array_equal(network.run({"kp_source": there, "kp_driving": driven})["out"], wanted)
    network.close()


def test_a_result_kept_on_the_device_is_fed_on_without_a_copy(graph_device, graph_file):
    path, _ = graph_file("stitch_network")
    keeping = open_model(path, graph_device, threads=1, keep_on_device=True)
    plain = open_model(path, graph_device, threads=1)
    rest = np.full((1, 21, 3), 0.1, np.float32)
    kept = keeping.run({"kp_source": rest, "kp_driving": rest})["out"]
    assert kept.device_name() == graph_device
    fed = plain.run({"kp_source": rest, "kp_driving": kept})["out"]
    again = plain.run({"kp_source": rest, "kp_driving": kept.numpy()})["out"]
    np.testing.assert_array_equal(fed, again)


@pytest.mark.full
def test_a_window_told_in_halves_is_the_window_told_whole(graph_device, graph_file):
    from ditto.motion.diffusion import DiffusionSampler
    from ditto.packs.official.denoiser import GraphDenoiser, HalvedDenoiser

    opened = SimpleNamespace(
        **{
            name.partition("_v")[0]: open_model(graph_file(name)[0], graph_device, threads=1)
            for name in ("lmdm_window", "lmdm_step", "lmdm_v0.4_hubert")
        }
    )
    heard = np.random.default_rng(0).standard_normal((80, 1103)).astype(np.float32)
    whole, halves = (
        DiffusionSampler(denoiser, 3).sample(heard[0, :265], heard, np.random.default_rng(1))
        for denoiser in (GraphDenoiser(opened.lmdm), HalvedDenoiser(opened.lmdm_window, opened.lmdm_step))
    )
    np.testing.assert_allclose(halves, whole, rtol=0, atol=1e-4 * np.abs(whole).max())
