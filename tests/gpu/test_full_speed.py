"""What only a GPU does: recorded calls, nothing waited for on the way, TF32 where it was asked for."""

from __future__ import annotations

import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ditto.motion.diffusion import DiffusionSampler  # noqa: E402
from ditto.packs.official.denoiser import TorchDenoiser  # noqa: E402
from ditto.packs.official.recorded_denoiser import RecordedDenoiser  # noqa: E402

pytestmark = pytest.mark.gpu
DEVICE = "cuda"


@pytest.fixture(autouse=True)
def gpu():
    if not torch.cuda.is_available():
        pytest.skip(f"PyTorch {torch.__version__} sees no CUDA GPU")


@pytest.fixture
def warping(opened, seeded_network):
    """warping(**how): the official warp network on the GPU."""
    return lambda **how: opened(
        "warp_network", seeded_network("warp_network"), DEVICE, keep_on_device=True, **how
    )


def feeds(pose):
    return {"feature_3d": pose.source.look, "kp_source": pose.at_rest, "kp_driving": pose.driven}


@pytest.mark.parametrize(("precision", "share"), [("fp32", 1e-3), ("bf16", 0.1), ("fp16", 0.02)])
def test_recorded_calls_give_what_plain_ones_give(warping, poses, precision, share):
    plain, recorded = warping(precision=precision), warping(precision=precision, graphs=True)
    for pose in poses:
        wanted, found = (network.run(feeds(pose))["out"] for network in (plain, recorded))
        assert (found - wanted).abs().max() <= share * wanted.abs().max()


def test_batches_are_recorded_for_each_size(warping, poses):
    recorded = warping(graphs=True)
    for size in (1, 2, 1, 2):
        together = {
            key: np.concatenate([feeds(pose)[key] for pose in poses[:size]]) for key in feeds(poses[0])
        }
        assert len(recorded.run(together)["out"]) == size


def test_a_window_of_recorded_steps_is_the_plain_window(seeded_network):
    from model_formats.replay import CudaRecorder

    heard = np.random.default_rng(0).standard_normal((80, 1103)).astype(np.float32)
    recorder = CudaRecorder(torch.device(DEVICE))
    found, wanted = (
        DiffusionSampler(denoiser, 5).sample(heard[0, :265], heard, np.random.default_rng(1))
        for denoiser in (
            RecordedDenoiser(seeded_network("lmdm"), DEVICE, "fp32", recorder),
            TorchDenoiser(seeded_network("lmdm"), DEVICE),
        )
    )
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("graphs", [False, True])
def test_a_frame_is_moved_without_waiting_for_the_gpu(warping, poses, graphs):
    network = warping(graphs=graphs)
    volume = network.place("feature_3d", poses[0].source.look)
    network.run({**feeds(poses[0]), "feature_3d": volume})
    torch.cuda.set_sync_debug_mode("error")
    try:
        network.run({**feeds(poses[1]), "feature_3d": volume})
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_tf32_is_coarser_than_fp32_and_only_where_it_was_asked_for(warping, poses):
    if torch.cuda.get_device_capability()[0] < 8:
        pytest.skip("TF32 came with compute capability 8.0")
    exact, coarse = warping(), warping(precision="tf32")
    first = exact.run(feeds(poses[0]))["out"]
    assert not torch.equal(coarse.run(feeds(poses[0]))["out"], first)
    assert torch.allclose(exact.run(feeds(poses[0]))["out"], first, rtol=0, atol=1e-5)


def test_what_is_waited_for_does_not_wait_for_the_painting_of_frames(opened, seeded_network):
    network = opened("stitch_network", seeded_network("stitch_network"), DEVICE)
    rest = {key: np.zeros((1, 21, 3), np.float32) for key in ("kp_source", "kp_driving")}
    wanted = network.run(rest)["out"]
    torch.cuda.synchronize()
    torch.cuda._sleep(2_000_000_000)  # cycles in the common stream: about a second
    began = time.monotonic()
    np.testing.assert_array_equal(network.run(rest)["out"], wanted)
    took = time.monotonic() - began
    torch.cuda.synchronize()
    assert took < 0.5 * (time.monotonic() - began)
