"""The denoiser as a CPU runs it against the denoiser as it is defined."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ditto.packs.official.denoiser import TorchDenoiser  # noqa: E402
from ditto.packs.official.networks.lmdm import LMDM  # noqa: E402
from ditto.packs.official.networks.quick_denoiser import QuickDenoiser, packed, two_workers  # noqa: E402


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(0)
    network = LMDM(20).eval().requires_grad_(False)
    for name, values in network.named_parameters():
        if values.ndim == 1 and not name.endswith("weight"):
            torch.nn.init.normal_(values, std=0.05)
        elif name.startswith("null_cond"):
            torch.nn.init.normal_(values)
    return network


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_steps_of_two_windows_are_those_of_the_plain_denoiser(plain, threads):
    conditions, times = drawn(2, 80, 20), torch.tensor([900, 300])
    with torch.inference_mode():
        quick = QuickDenoiser(plain)
        ours, theirs = quick.encode(conditions, times), plain.encode(conditions, times)
        for step in (1, 0):
            x, previous = drawn(2, 80, 265), drawn(2, 265)
            wanted = plain.denoise(x, previous, theirs, step)
            for made, right in zip(quick.denoise(x, previous, ours, step), wanted, strict=True):
                torch.testing.assert_close(made, right, rtol=0, atol=2e-5 * float(right.abs().max()))


def test_each_half_of_guidance_has_half_of_the_threads_and_gives_the_same_again(plain, threads):
    conditions, x, previous = drawn(1, 80, 20), drawn(1, 80, 265), drawn(1, 265)
    with torch.inference_mode():
        quick = QuickDenoiser(plain)
        encoded = quick.encode(conditions, torch.tensor([900, 300]))
        assert len(encoded.parts) == threads
        once, again = (quick.denoise(x, previous, encoded, 1)[1] for _ in range(2))
    assert torch.equal(once, again)
    with two_workers(4) as workers:
        assert set(workers.map(lambda _: torch.get_num_threads(), range(4))) == {2}
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == 4
    torch.set_num_threads(threads)


def running():
    return set(threading.enumerate())


def test_a_closed_denoiser_leaves_no_thread(plain, threads):
    before = running()
    denoiser = TorchDenoiser(plain, "cpu")
    assert len(running() - before) == (2 if threads > 1 else 0)
    denoiser.close()
    assert running() <= before


@pytest.mark.parametrize("fault", [RuntimeError("can't start new thread"), KeyboardInterrupt()])
def test_one_worker_does_not_wait_for_another_that_never_comes(monkeypatch, fault):
    before, submit, asked = running(), ThreadPoolExecutor.submit, []

    def submitting(pool, *call):
        asked.append(call)
        if len(asked) > 1:
            raise fault
        return submit(pool, *call)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submitting)
    with pytest.raises(type(fault)):
        two_workers(2)
    assert running() <= before


def test_without_onednn_the_layers_are_the_ordinary_ones(monkeypatch):
    weight, bias, x = drawn(6, 4), drawn(6), drawn(3, 4)
    fast = packed(weight, bias, "gelu")(x)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    torch.testing.assert_close(packed(weight, bias, "gelu")(x), fast)
    torch.testing.assert_close(packed(weight, bias)(x), torch.nn.functional.linear(x, weight, bias))


@pytest.mark.parametrize(("precision", "near"), [("fp32", 2e-5), ("bf16", 0.05), ("fp16", 0.02)])
def test_the_precision_asked_for_is_the_one_that_is_used(plain, precision, near, computes):
    computes(precision)
    conditions = drawn(1, 80, 20).numpy()
    x, before, times = drawn(1, 80, 265).numpy(), drawn(1, 265).numpy(), np.array([500])
    with torch.inference_mode():
        _, wanted = plain(*map(torch.from_numpy, (x, before, conditions, times)))
    _, clean = TorchDenoiser(plain, "cpu", precision).prepare(conditions, times)(x, before, 0)
    off = np.abs(clean - wanted.numpy()).max() / float(wanted.abs().max())
    assert off < near
    assert precision == "fp32" or off > 1e-4
