"""Networks in two halves give what the whole ones give."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from ditto.packs.official.networks.blocks import coordinates, fold  # noqa: E402
from ditto.packs.official.networks.lmdm import LMDM  # noqa: E402
from ditto.packs.official.networks.split import (  # noqa: E402
    DenoiserStep,
    DenoiserWindow,
    WarperFrame,
    WarperSource,
    shifted,
)
from ditto.packs.official.networks.warping import WarpNetwork, spread  # noqa: E402
from tests.rounding import share_of  # noqa: E402


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(3)
    with torch.inference_mode():
        yield
    torch.set_num_threads(before)


def close(given, wanted, share=1e-5):
    torch.testing.assert_close(given, wanted, rtol=0, atol=share * float(wanted.abs().max()))


@pytest.mark.parametrize("reach", [0.0, 0.2, 1.5])
def test_a_shift_by_matrices_is_sampling_at_shifted_places(reach):
    volume, shift = torch.randn(2, 3, 4, 8, 6), reach * torch.randn(2, 5, 3)
    places = coordinates(volume.shape[2:], like=volume) + spread(shift)
    wanted = torch.stack(
        [F.grid_sample(volume, places[:, k], align_corners=False, padding_mode="zeros") for k in range(5)],
        dim=1,
    )
    close(shifted(volume, shift), wanted)


def a_warper():
    """With norms that do something."""
    network = WarpNetwork().eval()
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network


@pytest.mark.parametrize("folded", [False, True])
def test_a_prepared_portrait_is_warped_as_a_fresh_one(folded):
    whole = a_warper()
    if folded:
        fold(whole)
    volume = torch.randn(1, 32, 16, 32, 32)
    rest, driven = (0.3 * torch.randn(1, 21, 3) for _ in range(2))
    prepared = WarperSource(whole)(volume)
    moved = WarperFrame(whole)(volume, *prepared, rest, driven)
    close(moved, whole(volume, rest, driven), share_of(whole))


@pytest.mark.full
def test_one_portrait_is_moved_to_several_poses_at_once():
    whole = a_warper()
    volume, rest, driven = torch.randn(1, 32, 16, 32, 32), torch.randn(1, 21, 3), torch.randn(2, 21, 3)
    prepared, frame = WarperSource(whole)(volume), WarperFrame(whole)
    together = frame(volume, *prepared, rest.expand(2, -1, -1), driven)
    for i in range(2):
        close(together[i], frame(volume, *prepared, rest, driven[i : i + 1])[0], share_of(whole))


def test_every_step_of_a_prepared_window_is_the_whole_network_at_that_time():
    whole = LMDM(71).eval()
    whole.null_cond_embed.normal_()
    whole.null_cond_hidden.normal_()
    x, before, conditions = torch.randn(2, 80, 265), torch.randn(2, 265), torch.randn(2, 80, 71)
    times = torch.tensor([999, 500, 19])
    prepared, step = DenoiserWindow(whole)(conditions, times), DenoiserStep(whole)
    for place, time in enumerate(times):
        made = step(x, before, torch.tensor([place]), *prepared)
        for given, wanted in zip(made, whole(x, before, conditions, time[None]), strict=True):
            close(given, wanted, share_of(whole))


def test_the_halves_share_the_weights_of_the_whole():
    whole = a_warper()
    own = {p.data_ptr() for p in whole.parameters()}
    for half in (WarperSource(whole), WarperFrame(whole)):
        assert {p.data_ptr() for p in half.parameters()} <= own
