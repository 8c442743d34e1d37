"""Recorded calls: what is copied, recorded and handed out, with a recorder that runs on the processor."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from cfg.errors import ModelError  # noqa: E402
from model_formats import open_model  # noqa: E402
from model_formats.replay import CudaRecorder, Replayed  # noqa: E402


def mixed(a, b):
    return a + 10 * b, a * b


@pytest.fixture
def replayed(recorder):
    return Replayed("mixer", mixed, recorder)


def rows(*values):
    return torch.tensor(values, dtype=torch.float32)[:, None]


def test_every_call_gives_what_the_function_gives(replayed, recorder):
    for a, b in ((1, 2), (3, 4), (5, 6)):
        for found, wanted in zip(replayed(rows(a), rows(b)), mixed(rows(a), rows(b)), strict=True):
            assert torch.equal(found, wanted)
    assert recorder.recorded == 1


def test_each_shape_and_kind_is_recorded_once(replayed, recorder):
    for values in ((1, 2), (1, 2, 3), (7, 8), (7, 8, 9)):
        summed, _ = replayed(rows(*values), rows(*values))
        assert summed.shape == (len(values), 1)
    assert recorder.recorded == 2
    replayed(rows(1, 2).double(), rows(1, 2).double())
    assert recorder.recorded == 3


def test_a_result_is_not_overwritten_by_the_next_call(replayed):
    first, _ = replayed(rows(1), rows(1))
    replayed(rows(2), rows(2))
    assert first.item() == 11


def test_the_callers_arrays_are_not_written_to(replayed):
    a, b = rows(1), rows(2)
    replayed(a, b)
    replayed(rows(3), rows(4))
    assert (a.item(), b.item()) == (1, 2)


def test_what_is_fed_again_is_not_copied_again(replayed, monkeypatch):
    kept = rows(5)
    replayed(rows(1), kept)
    copied = []
    copy = torch.Tensor.copy_
    monkeypatch.setattr(
        torch.Tensor, "copy_", lambda self, *more, **how: (copied.append(how), copy(self, *more, **how))[1]
    )
    replayed(rows(2), kept)
    assert copied.count({"non_blocking": True}) == 1
    replayed(rows(3), rows(5))
    assert copied.count({"non_blocking": True}) == 3


def test_threads_get_their_own_results(replayed):
    found = {}

    def call(number):
        for _ in range(50):
            found.setdefault(number, set()).add(replayed(rows(number), rows(number))[0].item())

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == {number: {11.0 * number} for number in range(4)}


def test_two_networks_are_not_recorded_at_once(recorder):
    both, met, record = threading.Barrier(2), [], recorder.record

    def meeting(call):
        with suppress(threading.BrokenBarrierError):
            both.wait(0.2)
            met.append(call)
        return record(call)

    recorder.record = meeting
    networks = [Replayed("mixer", mixed, recorder) for _ in range(2)]
    with ThreadPoolExecutor(2) as stages:
        for found, _ in stages.map(lambda network: network(rows(1), rows(2)), networks):
            assert found.item() == 21
    assert (recorder.recorded, met) == (2, [])


def test_a_call_that_cannot_be_recorded_is_named_and_not_run_otherwise(recorder):
    def fails(*_):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    with pytest.raises(
        ModelError, match=r"mixer cannot be recorded .*capturing\); set pack\.graphs to false"
    ):
        Replayed("mixer", fails, recorder)(rows(1), rows(1))


@pytest.mark.parametrize(
    ("how", "words"), [({"graphs": True}, "CUDA graphs"), ({"precision": "tf32"}, "tf32")]
)
def test_what_only_a_gpu_does_is_refused_on_the_processor(pth, tiny, how, words):
    with pytest.raises(ModelError, match=f"tiny.pth: {words}: on a GPU only"):
        open_model(pth, network=tiny.network, **how)


class Cuda:
    """What `CudaRecorder` asks of PyTorch, written down; a graph's replay adds one to what was recorded."""

    def __init__(self, monkeypatch):
        self.said = []
        for name, stand_in in {
            "Stream": lambda device: self.stream("side"),
            "current_stream": lambda device: self.stream("here"),
            "graph_pool_handle": lambda: "pool",
            "stream": lambda stream: self.block(f"on {stream.name}"),
            "device": lambda device: self.block(f"device {device}"),
            "CUDAGraph": lambda: SimpleNamespace(replay=lambda: self.said.append("replay")),
            "graph": self.graph,
        }.items():
            monkeypatch.setattr(torch.cuda, name, stand_in)

    def stream(self, name):
        wait = lambda other: self.said.append(f"{name} waits for {other.name}")  # noqa: E731
        return SimpleNamespace(name=name, wait_stream=wait)

    @contextmanager
    def block(self, what):
        self.said.append(what)
        yield
        self.said.append(f"end of {what}")

    def graph(self, graph, pool, stream, *, capture_error_mode):
        assert pool == "pool"
        return self.block(f"recording on {stream.name}, {capture_error_mode}")


def test_a_cuda_graph_is_recorded_after_warm_ups_beside_the_stream_of_others(monkeypatch):
    cuda = Cuda(monkeypatch)
    recorder = CudaRecorder(torch.device("cuda:1"))

    def call():
        cuda.said.append("call")
        return (torch.ones(1),)

    replay, (output,) = recorder.record(call)
    assert cuda.said == [
        "device cuda:1",
        "side waits for here",
        "on side",
        *["call"] * 3,
        "end of on side",
        "here waits for side",
        "recording on side, thread_local",
        "call",
        "end of recording on side, thread_local",
        "end of device cuda:1",
    ]
    cuda.said.clear()
    replay()
    assert cuda.said == ["device cuda:1", "replay", "end of device cuda:1"]
    assert output.item() == 1
