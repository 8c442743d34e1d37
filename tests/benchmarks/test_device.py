"""`benchmarks.compare --device`: what is measured of a GPU and of streams, as far as a processor shows it."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks.compare import main  # noqa: E402
from benchmarks.official.cases import Bench  # noqa: E402
from benchmarks.official.device import Device  # noqa: E402
from benchmarks.official.machine import Machine  # noqa: E402
from benchmarks.official.streaming import Streams  # noqa: E402
from benchmarks.official.timing import Case, Row, measure  # noqa: E402
from benchmarks.official.weights import Networks  # noqa: E402
from benchmarks.official.whole import share_of  # noqa: E402

GPU = {"gpu": "Imaginary", "gpu_memory_gb": 24.0, "driver": "580.1"}


@pytest.fixture
def gpu(monkeypatch):
    """A device that counts how often it was waited for."""
    waits = []
    monkeypatch.setattr("benchmarks.official.device.available", lambda name: None)
    monkeypatch.setattr(torch.cuda, "synchronize", waits.append)
    return Device("cuda:1"), waits


def test_a_call_on_a_gpu_ends_when_the_gpu_has_done_it(gpu):
    device, waits = gpu
    call = device.finished(lambda: len(waits))
    assert (call(), waits) == (0, ["cuda:1"])
    assert (call(), len(waits)) == (1, 2)


def test_a_call_on_the_processor_is_timed_as_it_is():
    def call():
        return 1

    assert Device().finished(call) is call


def test_memory_is_the_device_s():
    row = measure(Case("x", "torch", "fp16", lambda: None), repeats=1, peak_mb=lambda: 123.4)
    assert row.peak_mb == 123
    assert Device().peak_mb() > 50


def test_the_machine_names_its_gpu_and_what_was_measured_there():
    machine = Machine("CPU", 2, "2.13", "1.31", 60.0, 800.0, 4000.0, 780.0, 400.0, "cuda:0", GPU)
    assert machine.as_json().items() >= {**GPU, "device": "cuda:0", "gflops_tf32": 400.0}.items()
    assert "described" not in machine.as_json()
    assert "cuda:0: gpu Imaginary, gpu_memory_gb 24.0, driver 580.1" in str(machine)
    assert machine.rates() == "60.0 GFLOP/s fp32, 800.0 bf16, 780.0 fp16, 400.0 TF32, 4000.0 GB/s"


@pytest.mark.parametrize(("precision", "bound"), [("fp32", 100), ("bf16", 10), ("fp16", 20), ("tf32", 50)])
def test_the_bound_of_a_precision_is_its_own(precision, bound):
    machine = Machine("", 1, "", "", 100, 1000, 1e6, gflops_fp16=500, gflops_tf32=200)
    assert machine.least_ms(gflop=10, megabytes=0, precision=precision) == bound


def test_a_rate_that_the_processor_lacks_is_not_shown():
    assert Machine("", 1, "", "", 100.0, None, 20.0).rates() == "100.0 GFLOP/s fp32, 20.0 GB/s"


def test_a_stream_is_worth_as_many_live_ones_as_its_frames_a_second_serve():
    shown = Row(Case("stream", "torch", "fp16", ours=lambda: None, live=True), [8.0]).as_json()
    assert (shown["fps"], shown["live_streams"]) == (125, 5)
    assert "fps" not in Row(Case("x", "torch", "fp16", ours=lambda: None), [8.0]).as_json()


def test_streams_are_rendered_whole_and_a_live_one_is_timed_to_its_first_picture(
    fake_pack, portrait, settings
):
    streams = Streams(fake_pack(), portrait, settings(), settings(stream={"mode": "online"}), "torch", "fp32")
    case = streams.stream(7)
    assert len(case.ours()) == case.frames == 7
    row = measure(streams.first_frame(), repeats=2)
    assert len(row.times) == 2 and min(row.times) > 0


def test_few_frames_take_as_small_a_share_of_the_steps():
    assert [share_of(50, frames) for frames in (1, 7, 70, 140)] == [1, 5, 50, 50]


class Zeros:
    """An engine that answers zeros."""

    def run(self, feeds):
        if "kp_driving" in feeds:
            return {"out": feeds["kp_driving"]}
        return dict.fromkeys(("pred_noise", "x_start"), np.zeros((1, 80, 265), np.float32))

    def close(self):
        pass


def test_engines_are_measured_in_every_precision_there_are(tmp_path, monkeypatch):
    for name in ("stitch_network_fp16", "stitch_network_fp32", "warp_source_fp16", "warp_frame_fp16"):
        (tmp_path / f"{name}.engine").touch()
    for half in ("window", "step"):
        (tmp_path / f"lmdm_{half}_fp32.engine").touch()
    opened = []

    def opening(path, device):
        opened.append(path.name)
        return Zeros()

    monkeypatch.setattr("benchmarks.official.cases.open_model", opening)
    suite = Bench(Networks(None), tmp_path, formats=(), steps=2, engines=tmp_path)
    found = []
    for what in ("stitch", "warp", "decode", "denoiser_window"):
        for case in suite.cases(what):
            case.ours()
            found.append((case.what, case.format, case.precision))
    assert found == [
        ("stitch", "tensorrt", "fp32"),
        ("stitch", "tensorrt", "fp16"),
        ("warp", "tensorrt", "fp16"),
        ("denoiser_window", "tensorrt", "fp32"),
    ]
    assert opened[2:4] == ["warp_source_fp16.engine", "warp_frame_fp16.engine"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--device", "gpu"], "use cpu, cuda or cuda:1"),
        (["--device", f"cuda:{torch.cuda.device_count()}"], "was asked for, but"),
        (["--engines", "nowhere"], "no .engine file in it"),
        (["--format", "graphs"], "graphs and tf32 are of a GPU"),
        (["--precision", "tf32"], "graphs and tf32 are of a GPU"),
    ],
)
def test_a_device_that_is_not_there_is_refused(asked, words, capsys):
    assert main(["--only", "stitch", *asked]) == 1
    assert words in capsys.readouterr().err


class Pretended(Device):
    """A processor that is measured as a GPU is."""

    is_gpu = True


def test_on_a_gpu_a_network_is_measured_as_the_pack_opens_it(tmp_path, monkeypatch, computes):
    computes("bf16")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    suite = Bench(Networks(None), tmp_path, ("torch",), ("fp32", "bf16"), (1, 2), device=Pretended())
    cases = list(suite.cases("stitch"))
    assert [(case.precision, case.batch) for case in cases] == [
        ("fp32", 1),
        ("bf16", 1),
        ("fp32", 2),
        ("bf16", 2),
    ]
    for case in cases:
        ours, plain = case.ours()["out"], case.baseline()
        assert torch.is_tensor(ours) and len(ours) == case.batch
        assert (ours - plain).abs().max() <= 0.02 * plain.abs().max()
        assert 0 < case.gflop <= case.plain_gflop
