"""The shortcut of the decoder's guide against the plain computation."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import conv2d  # noqa: E402

from ditto.packs.official.networks.decoder import FEATURES, GuideConv  # noqa: E402
from tests.rounding import share  # noqa: E402


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
def test_a_guide_convolved_small_is_the_enlarged_guide_convolved(scale, size):
    torch.manual_seed(0)
    layer, guide = GuideConv(8, scale), torch.randn(2, FEATURES, *size)
    enlarged = guide.repeat_interleave(scale, -2).repeat_interleave(scale, -1)
    with torch.inference_mode():
        plain = conv2d(enlarged, layer.weight, layer.bias, padding=1)
        size = conv2d(enlarged.abs(), layer.weight.abs(), layer.bias.abs(), padding=1)
        assert ((layer(guide) - plain).abs() <= share(9 * FEATURES) * size).all()
