"""The quick convolutions against the plain ones."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from ditto.packs.official.networks.fft_convolution import FrequencyConv  # noqa: E402
from ditto.packs.official.networks.winograd import EnlargedConv, Scratch, TiledConv  # noqa: E402


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))


def layers(x):
    """(N, H, W, C) as a volume (1, C, N, H, W)."""
    return x.permute(3, 0, 1, 2)[None]


def places(volume):
    return volume[0].permute(1, 2, 3, 0)


def close(quick, plain):
    torch.testing.assert_close(quick, plain.float(), rtol=0, atol=2e-5 * float(plain.abs().max()))


@pytest.mark.parametrize("size", [(1, 1), (4, 8), (7, 10), (33, 5)])
@pytest.mark.parametrize("count", [1, 3])
def test_pictures_convolved_by_tiles_are_those_convolved_plainly(size, count):
    x, weight, bias = drawn(count, *size, 5), drawn(6, 5, 3, 3), drawn(6)
    quick = TiledConv(weight, bias, Scratch())(x, torch.empty(count, *size, 6))
    plain = F.conv2d(x.permute(0, 3, 1, 2).double(), weight.double(), bias.double(), padding=1)
    close(quick, plain.permute(0, 2, 3, 1))


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_volumes_convolved_by_tiles_are_those_convolved_plainly(depth):
    x, weight, bias = drawn(depth, 9, 6, 4), drawn(3, 4, 3, 3, 3), drawn(3)
    quick = TiledConv(weight, bias, Scratch())(x, torch.empty(depth, 9, 6, 3))
    close(quick, places(F.conv3d(layers(x).double(), weight.double(), bias.double(), padding=1)))


def test_many_tiles_are_done_strip_by_strip(monkeypatch):
    monkeypatch.setattr("ditto.packs.official.networks.winograd.MAX_TILES_AT_ONCE", 2)
    x, weight = drawn(2, 13, 9, 3), drawn(2, 3, 3, 3)
    quick = TiledConv(weight, None, Scratch())(x, torch.empty(2, 13, 9, 2))
    plain = F.conv2d(x.permute(0, 3, 1, 2).double(), weight.double(), padding=1)
    close(quick, plain.permute(0, 2, 3, 1))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("depth", [1, 4])
def test_an_enlarged_volume_is_convolved_at_its_own_size(scale, depth):
    x, weight, bias = drawn(depth, 3, 5, 4), drawn(6, 4, 3, 3, 3), drawn(6)
    quick = EnlargedConv(weight, bias, scale, Scratch())(x, torch.empty(depth, 3 * scale, 5 * scale, 6))
    large = x.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    close(quick, places(F.conv3d(layers(large).double(), weight.double(), bias.double(), padding=1)))


@pytest.mark.parametrize("size", [(4, 5), (22, 23), (45, 9)])
@pytest.mark.parametrize("depth", [1, 5])
def test_a_wide_kernel_through_frequencies_is_the_plain_convolution(size, depth):
    x, weight, bias = drawn(depth, *size, 4), drawn(3, 4, 7, 7, 7), drawn(3)
    quick = FrequencyConv(weight, bias, Scratch())(x, torch.empty(depth, *size, 3))
    close(quick, places(F.conv3d(layers(x).double(), weight.double(), bias.double(), padding=3)))


def test_results_do_not_depend_on_what_was_convolved_before():
    scratch, x, weight = Scratch(), drawn(1, 8, 8, 4), drawn(5, 4, 3, 3)
    conv = TiledConv(weight, None, scratch)
    first = conv(x, torch.empty(1, 8, 8, 5))
    conv(torch.full((2, 11, 9, 4), 1e6), torch.empty(2, 11, 9, 5))
    assert torch.equal(conv(x, torch.empty(1, 8, 8, 5)), first)
