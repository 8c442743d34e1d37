"""`benchmarks.compare`: what it writes, what it compares with, what it refuses."""

from __future__ import annotations

import gc
import json
import weakref
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks.compare import HEADS, line, main  # noqa: E402
from benchmarks.official.machine import Machine  # noqa: E402
from benchmarks.official.operations import counted  # noqa: E402
from benchmarks.official.plain import EnlargedGuide, PlainDenoiser, plain_decoder  # noqa: E402
from benchmarks.official.timing import Case, Row, measure  # noqa: E402
from benchmarks.official.weights import seeded  # noqa: E402
from ditto.packs.official.networks.blocks import fold  # noqa: E402
from ditto.packs.official.networks.decoder import Decoder, GuideConv  # noqa: E402
from ditto.packs.official.networks.lmdm import LMDM  # noqa: E402
from ditto.packs.official.networks.quick_denoiser import QuickDenoiser, packed  # noqa: E402
from tests.rounding import share, share_of  # noqa: E402

KEYS = {"what", "format", "precision", "batch", "ms_p50", "ms_p95", "baseline_ms", "ratio"}
ADAPTER = """
import numpy as np

def load(folder, threads):
    assert threads == 1 and (folder / "models").is_dir(), folder

def stitch(kp_source, kp_driving):
    print("noise on standard output")
    assert kp_source.shape == (1, 21, 3)

def putback_1080p(picture, face, to_frame):
    raise ValueError("no such place")
"""


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def rows_of(path: Path) -> list[dict]:
    return json.loads(path.read_text())["rows"]


def test_rows_are_written_with_the_machine_they_were_measured_on(tmp_path, capsys):
    path = tmp_path / "rows.json"
    asked = ["--only", "putback_1080p,stitch", "--format", "torch", "--threads", "1", "--repeats", "1"]
    assert main([*asked, "--json", str(path)]) == 0
    assert set(json.loads(path.read_text())) == {"machine", "rows"}
    rows = rows_of(path)
    assert [row["what"] for row in rows] == ["stitch", "putback_1080p"]
    for row in rows:
        assert set(row) == KEYS
        assert row["ratio"] == pytest.approx(row["baseline_ms"] / row["ms_p50"], rel=0.1, abs=1e-3)
    assert "seeded weights" in capsys.readouterr().out


def test_both_ways_are_timed_by_turns():
    calls = []
    case = Case("x", "torch", "fp32", lambda: calls.append("ours"), lambda: calls.append("plain"))
    seconds = iter(range(100))
    row = measure(case, repeats=2, clock=lambda: float(next(seconds)))
    assert calls == ["plain", "ours"] * 3
    assert row.times == row.baseline_times == [1000.0, 1000.0]
    assert row.as_json()["ratio"] == 1


def test_a_measured_row_keeps_no_network():
    network = LMDM(20)
    gone = weakref.ref(network)
    row = measure(Case("x", "torch", "fp32", network.eval, network.eval), repeats=1)
    del network
    gc.collect()
    assert gone() is None and row.baseline_ms is not None


def test_a_row_without_a_baseline_has_no_ratio():
    shown = Row(Case("x", "mini", "fp32", ours=lambda: None), [1.0, 2.0, 6.0]).as_json()
    assert (shown["ms_p50"], shown["baseline_ms"], shown["ratio"]) == (2.0, None, None)


@pytest.mark.full
def test_another_implementation_is_the_baseline_where_it_has_the_function(tmp_path):
    (tmp_path / "ditto_bench_adapter.py").write_text(ADAPTER.partition("def putback_1080p")[0])
    path = tmp_path / "rows.json"
    asked = ["--format", "torch", "--threads", "1", "--repeats", "2", "--json", str(path)]
    here = ["--against", str(tmp_path)]
    assert main([*asked, *here, "--only", "stitch,putback_1080p"]) == 0
    stitched, blended = rows_of(path)
    assert stitched["baseline_ms"] > 0
    assert blended["baseline_ms"] is None


def test_the_other_implementation_s_own_words_are_kept_and_the_rows_before_it(tmp_path, capsys, monkeypatch):
    (tmp_path / "ditto_bench_adapter.py").write_text(ADAPTER.replace("def load", "def unload"))
    monkeypatch.setattr("benchmarks.official.weights.Networks.folder", lambda self, scratch: scratch)
    path = tmp_path / "rows.json"
    asked = ["--only", "stitch,putback_1080p", "--format", "torch", "--repeats", "1", "--threads", "1"]
    assert main([*asked, "--against", str(tmp_path), "--json", str(path)]) == 1
    assert "putback_1080p: ValueError: no such place" in capsys.readouterr().err
    assert [row["what"] for row in rows_of(path)] == ["stitch"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--only", "wrap"], "did you mean 'warp'"),
        (["--format", "trt"], "--format trt: not one of torch, onnx"),
        (["--batch", "0"], "--batch 0: must be numbers from 1 to 64"),
        (["--repeats", "0"], "counted from 1"),
        (["--seconds", "0"], "must be above 0"),
        (["--against", "nowhere", "--only", "stitch"], "no ditto_bench_adapter.py in it"),
        (["--data-root", "nowhere", "--only", "stitch"], "without --data-root seeded weights are measured"),
    ],
)
def test_what_cannot_be_measured_is_refused(asked, words, capsys):
    assert main(asked) == 1
    assert words in capsys.readouterr().err


def test_what_another_implementation_takes_for_a_frame_is_the_sum_of_its_parts():
    from benchmarks.official.putback import summed_baseline

    def row(what, plain):
        return Row(Case(what, "torch", "fp32", ours=lambda: None), [1.0], [] if plain is None else [plain])

    rows = [row("denoiser_window", 1400), row("warp", 10), row("decode", 20), row("putback_1080p", 2)]
    assert summed_baseline(rows) == 1400 / 70 + 10 + 20 + 2
    assert summed_baseline(rows[1:]) is None
    assert summed_baseline([*rows[1:], row("denoiser_window", None)]) is None


def test_times_are_told_of_one_frame_and_end_when_they_have_taken_long():
    calls = []
    case = Case("x", "torch", "fp32", lambda: calls.append("ours"), None, frames=4, warm=True)
    seconds = iter(range(100))
    row = measure(case, repeats=5, clock=lambda: float(next(seconds)), seconds=0)
    assert calls == ["ours"]
    assert row.times == [250.0]


@pytest.mark.full
def test_all_nine_stages_give_the_pictures_of_the_plain_execution(tmp_path):
    from benchmarks.official.weights import Networks
    from benchmarks.official.whole import Whole

    torch.set_num_threads(1)
    whole = Whole(Networks(None), tmp_path, steps=50, threads=1)
    try:
        (ours,), (plain,) = whole.ours(1), whole.plain(1)
    finally:
        whole.close()
    assert ours.shape == (1080, 1920, 3)
    apart = np.abs(ours.astype(int) - plain)
    assert apart.max() <= 2 and apart.mean() < 0.5  # of 255; levels are cut off in one, rounded in the other


@pytest.mark.full
def test_a_graph_s_row_has_a_bound_and_the_plain_graph_does_more(tmp_path):
    from benchmarks.official.cases import Bench
    from benchmarks.official.weights import Networks

    suite = Bench(Networks(None), tmp_path, formats=("onnx",), steps=2)
    (case,) = suite.cases("denoiser_window")
    assert 0 < case.gflop < case.plain_gflop
    assert case.baseline is not None
    np.testing.assert_allclose(case.ours(), case.baseline(), rtol=0, atol=1e-3 * np.abs(case.ours()).max())


def test_the_rate_a_baseline_reached_stands_beside_its_time():
    case = Case("x", "torch", "fp32", ours=lambda: None, plain_gflop=50)
    assert (
        dict(zip(HEADS, line(Row(case, [250.0], [500.0]), None).split(), strict=True))["at GF/s"] == "100.00"
    )
    assert line(Row(replace(case, plain_gflop=0.0), [250.0], [500.0]), None).split()[7] == "-"


def test_the_bound_is_set_by_operations_or_by_memory():
    machine = Machine("", 1, "", "", gflops_fp32=100, gflops_bf16=200, gigabytes_a_second=10)
    assert machine.least_ms(gflop=10, megabytes=1, precision="fp32") == 100
    assert machine.least_ms(gflop=10, megabytes=1, precision="bf16") == 50
    assert machine.least_ms(gflop=1, megabytes=1000, precision="fp32") == 100


def test_operations_are_counted_with_a_multiply_add_as_two():
    rows, weight = torch.ones(10, 30), torch.ones(20, 30)
    with torch.inference_mode():
        assert counted(lambda: rows @ weight.T) == 2 * 10 * 20 * 30 / 1e9
        assert counted(lambda: packed(weight)(rows)) == 2 * 10 * 20 * 30 / 1e9
        assert counted(lambda: torch.ones(10, 20).addmm_(rows, weight.T)) == 2 * 10 * 20 * 30 / 1e9


def test_operations_are_counted_that_are_done_on_other_threads_else():
    network = LMDM(20).eval().requires_grad_(False)
    given = torch.zeros(1, 80, 265), torch.zeros(1, 265), torch.zeros(1, 80, 20), torch.tensor([500])
    counts = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        with torch.inference_mode():
            quick = QuickDenoiser(network)
            counts.append(counted(partial(quick, *given)))
        assert torch.get_num_threads() == threads
    assert counts[0] == counts[1] > 7


def test_seeded_weights_give_values_of_ordinary_size():
    state = Decoder().state_dict()
    weights = seeded(state)
    assert {n: w.shape for n, w in weights.items()} == {n: w.shape for n, w in state.items()}
    again = seeded({"fc.weight": state["fc.weight"]})
    assert torch.equal(again["fc.weight"], weights["fc.weight"])
    u, v = weights["up_1.conv_s.weight_u"], weights["up_1.conv_s.weight_v"]
    norm = u @ (weights["up_1.conv_s.weight_orig"].flatten(1) @ v)
    assert float(norm) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_plain_guide_is_enlarged_and_gives_the_same(scale):
    torch.manual_seed(0)
    quick, guide = GuideConv(8, scale), torch.randn(1, 256, 3, 5)
    plain, absolute = EnlargedGuide(quick), EnlargedGuide(deepcopy(quick))
    with torch.inference_mode():
        for parameter in absolute.parameters():
            parameter.abs_()
        assert ((plain(guide) - quick(guide)).abs() <= share(9 * 256) * absolute(guide.abs())).all()


def test_the_plain_decoder_has_no_shortcut_left():
    with torch.device("meta"):
        decoder = plain_decoder(Decoder())
    assert not [m for m in decoder.modules() if isinstance(m, GuideConv)]
    assert sum(isinstance(m, EnlargedGuide) for m in decoder.modules()) == 18


def test_the_plain_denoiser_gives_what_ours_gives():
    torch.manual_seed(0)
    network = fold(LMDM(20).eval().requires_grad_(False))
    x, previous, cond, time = torch.randn(1, 80, 265), torch.randn(1, 265), torch.randn(1, 80, 20), 500
    with torch.inference_mode():
        plain = PlainDenoiser(network)(x, previous, cond, torch.tensor([time]))
        ours = network(x, previous, cond, torch.tensor([time]))
    for made, wanted in zip(plain, ours, strict=True):
        np.testing.assert_allclose(made, wanted, rtol=0, atol=share_of(network) * float(wanted.abs().max()))
