"""Official checkpoints: what fits is loaded, what does not is named."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cfg.errors import ModelError  # noqa: E402
from ditto.packs.official.networks.checkpoint import load, network  # noqa: E402
from ditto.packs.official.networks.stitching import StitchNetwork  # noqa: E402
from model_formats import open_model  # noqa: E402


@pytest.fixture
def stitcher():
    torch.manual_seed(0)
    return StitchNetwork().eval()


def wrapped(weights):
    return {"retarget_shoulder": {f"module.{n}": w for n, w in weights.items()}, "retarget_eye": {}}


@pytest.fixture
def saved(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "stitch_network.pth")
        return tmp_path / "stitch_network.pth"

    return save


def test_the_stitcher_is_found_in_its_wrapping(stitcher, saved):
    keypoints = torch.rand(2, 1, 21, 3)
    opened = open_model(saved(wrapped(stitcher.state_dict())), network=network("stitch_network"))
    result = opened.run({"kp_source": keypoints[0].numpy(), "kp_driving": keypoints[1].numpy()})["out"]
    np.testing.assert_array_equal(result, stitcher(*keypoints).detach().numpy())


def test_weights_stored_in_half_precision_run_in_fp32(stitcher, saved):
    module = load("stitch_network", saved(wrapped({n: w.half() for n, w in stitcher.state_dict().items()})))
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in module.parameters())


def test_a_checkpoint_of_another_network_is_refused(stitcher, saved):
    path = saved(stitcher.state_dict())
    with pytest.raises(ModelError, match="has no entry 'retarget_shoulder'"):
        load("stitch_network", path)
    with pytest.raises(
        ModelError, match=r"does not fit the network 'decoder': \d+ missing: fc.weight, .*8 unknown"
    ):
        load("decoder", path)


def test_a_tensor_of_the_wrong_shape_is_named_with_both_shapes(stitcher, saved):
    weights = stitcher.state_dict()
    weights["mlp.0.weight"] = torch.zeros(128, 125)
    with pytest.raises(ModelError, match=r"mlp.0.weight has shape \(128, 125\), not \(128, 126\)"):
        load("stitch_network", saved(wrapped(weights)))


def test_what_is_no_table_of_tensors_is_refused(saved):
    for content in ({"retarget_shoulder": [1, 2]}, {"retarget_shoulder": {"mlp.0.weight": "text"}}):
        with pytest.raises(ModelError, match="not a table of named tensors"):
            load("stitch_network", saved(content))


@pytest.mark.parametrize("weights", [{}, {"cond_projection.weight": torch.zeros(3)}])
def test_a_denoiser_without_its_condition_projection_is_refused(saved, weights):
    with pytest.raises(ModelError, match="it is not a motion denoiser"):
        load("lmdm", saved({"model_state_dict": weights}))


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        load("decoder", tmp_path / "decoder.pth")
