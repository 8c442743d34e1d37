"""Weights rounded once are those that autocast rounds in every call."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from ditto.packs.official.networks.blocks import fold  # noqa: E402
from ditto.packs.official.networks.decoder import GuideConv, GuidedBlock  # noqa: E402
from ditto.packs.official.networks.lmdm import LMDM  # noqa: E402
from ditto.packs.official.networks.motion_extractor import MotionExtractor  # noqa: E402
from ditto.packs.official.networks.on_gpu import rounded  # noqa: E402
from ditto.packs.official.networks.stitching import StitchNetwork  # noqa: E402
from ditto.packs.official.networks.warping import Encoder  # noqa: E402

HALF = torch.bfloat16


def run(module, given):
    with torch.inference_mode(), torch.autocast("cpu", HALF):
        made = module(*given)
    return made if isinstance(made, (tuple, list)) else (made,)


@pytest.mark.parametrize(
    ("build", "shapes"),
    [
        (StitchNetwork, [(1, 21, 3), (1, 21, 3)]),
        (MotionExtractor, [(1, 3, 64, 64)]),
        (lambda: GuidedBlock(64, 32, scale=2), [(1, 64, 16, 16), (1, 256, 8, 8)]),
        (lambda: Encoder(32), [(1, 32, 2, 32, 32)]),
        (lambda: LMDM(20), [(1, 80, 265), (1, 265), (1, 80, 20), None]),
    ],
    ids=["stitch", "motion extractor", "a block of the decoder", "volumes", "denoiser"],
)
def test_results_are_the_same_bits(build, shapes):
    torch.manual_seed(0)
    network = fold(build().eval().requires_grad_(False))
    given = [torch.tensor([500]) if shape is None else torch.randn(shape) for shape in shapes]
    wanted = run(network, given)
    assert any(p.dtype == torch.float32 for p in network.parameters())
    found = run(rounded(network, HALF), given)
    assert any(p.dtype == HALF for p in network.parameters())
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)


def test_a_kernel_that_is_added_up_first_and_what_is_no_product_stay_as_they_are():
    guide, summed = GuideConv(4, 1), GuideConv(4, 2)
    norm = torch.nn.LayerNorm(4)
    rounded(torch.nn.ModuleList([guide, summed, norm]), HALF)
    assert (guide.weight.dtype, summed.weight.dtype, norm.weight.dtype) == (HALF, *[torch.float32] * 2)


def test_fp32_leaves_every_weight_as_it_is():
    network = StitchNetwork()
    before = {name: id(p) for name, p in network.named_parameters()}
    assert {name: id(p) for name, p in rounded(network, None).named_parameters()} == before
