"""The networks as a CPU runs them against the networks as they are defined."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

torch = pytest.importorskip("torch")

from ditto.packs.official.networks.blocks import SpectralConv2d, fold  # noqa: E402
from ditto.packs.official.networks.decoder import Decoder  # noqa: E402
from ditto.packs.official.networks.quick_decoder import QuickDecoder  # noqa: E402
from ditto.packs.official.networks.quick_warp import QuickWarp  # noqa: E402
from ditto.packs.official.networks.warping import WarpNetwork  # noqa: E402
from tests.rounding import share_of  # noqa: E402


def seeded(network):
    """Weights that keep values of ordinary size, in networks that do not normalise everything."""
    torch.manual_seed(0)
    network = network.eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Conv3d)):
            torch.nn.init.kaiming_normal_(module.weight)
            torch.nn.init.normal_(module.bias, std=0.05)
        elif isinstance(module, SpectralConv2d):
            torch.nn.init.kaiming_normal_(module.weight_orig)
            module.weight_u.fill_(0)
            module.weight_v.fill_(0)
            module.weight_u[0] = 1
            module.weight_v[0] = 1 / module.weight_orig[0].flatten()[0]
    return network


@pytest.mark.full
def test_the_quick_decoder_paints_what_the_plain_one_paints():
    plain = fold(seeded(Decoder()))
    with torch.inference_mode():
        quick, features = QuickDecoder(plain), torch.randn(2, 256, 8, 12)
        painted, wanted = quick(features), plain(features)
        assert painted.shape == (2, 3, 64, 96)
        torch.testing.assert_close(painted, wanted, rtol=0, atol=share_of(plain))  # of values from 0 to 1
        torch.testing.assert_close(quick(features[1:]), painted[1:], rtol=0, atol=0)


@pytest.mark.full
def test_two_sessions_may_use_a_network_at_once():
    with torch.inference_mode():
        quick = QuickDecoder(fold(seeded(Decoder())))
        features = [torch.randn(1, 256, 4, 4) for _ in range(6)]
        alone = [quick(one) for one in features]

    def paint(one):
        with torch.inference_mode():
            return quick(one)

    with ThreadPoolExecutor(3) as pool:
        for made, wanted in zip(pool.map(paint, features), alone, strict=True):
            assert torch.equal(made, wanted)


@pytest.mark.full
def test_the_quick_warp_moves_what_the_plain_one_moves():
    plain = fold(seeded(WarpNetwork()))
    with torch.inference_mode():
        volume, at_rest = torch.randn(2, 32, 16, 32, 32), torch.rand(2, 21, 3) - 0.5
        driven = at_rest + 0.1 * torch.randn(2, 21, 3)
        quick, wanted = QuickWarp(plain, size=32), plain(volume, at_rest, driven)
        moved = quick(volume, at_rest, driven)
        torch.testing.assert_close(moved, wanted, rtol=0, atol=share_of(plain) * float(wanted.abs().max()))
        alone = quick(volume[1:], at_rest[1:], driven[1:])
        torch.testing.assert_close(alone, moved[1:], rtol=0, atol=0)
