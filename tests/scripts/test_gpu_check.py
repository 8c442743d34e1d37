"""The check of a GPU: parts one after the other, each bounded, and said at the end what was not reached."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
PYTEST = """collected 4 items / 1 deselected / 3 selected
tests/gpu/test_x.py::test_a[cuda] PASSED [ 33%]
tests/gpu/test_x.py::test_b[cuda] FAILED [ 66%]"""
ROW = {
    "what": "warp",
    "format": "torch",
    "precision": "fp32",
    "ms_p50": 4.0,
    "baseline_ms": 8.0,
    "ratio": 2.0,
}


@pytest.fixture
def check(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import gpu_check

    return gpu_check


def says(check, text, code=0, seconds=10.0):
    return check.Part("says", seconds, ["-c", f"import sys; print({text!r}); sys.exit({code})"])


def test_tests_that_ended_are_counted_and_those_that_did_not_too(check, tmp_path):
    found = check.look(says(check, PYTEST, code=1), 60, tmp_path)
    assert (found.state, found.passed, found.failed) == ("failed", 1, ["tests/gpu/test_x.py::test_b[cuda]"])
    assert found.unreached == 1
    assert "exit code 1; its words are in" in found.why


def test_what_takes_too_long_is_stopped_and_keeps_its_rows(check, tmp_path):
    """A process that it had started is stopped with it."""
    os.mkfifo(tmp_path / "lives")
    lives = os.open(tmp_path / "lives", os.O_RDONLY | os.O_NONBLOCK)
    (tmp_path / "child.py").write_text(
        f"""if True:
        import pathlib, subprocess, sys, time
        pathlib.Path(sys.argv[1]).write_text({json.dumps({"rows": [ROW], "machine": {"gpu": "x"}})!r})
        with open({str(tmp_path / "lives")!r}, "w") as held:
            subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"], pass_fds=[held.fileno()])
        """
    )
    found = check.look(check.Part("long", 1, [str(tmp_path / "child.py"), "{rows}"]), 3, tmp_path)
    assert (found.state, found.rows, found.machine) == ("stopped", [ROW], {"gpu": "x"})
    os.set_blocking(lives, True)
    assert os.read(lives, 1) == b""  # as soon as nobody holds the other end any more
    os.close(lives)


def test_what_a_part_leaves_of_its_time_is_the_next_one_s(check, tmp_path):
    began = time.monotonic()
    quick, slow = says(check, "", seconds=99), check.Part("slow", 1, ["-c", "import time; time.sleep(600)"])
    found = list(check.looked([quick, slow], 3, tmp_path))
    assert [result.state for result in found] == ["done", "stopped"]
    assert found[1].seconds > 1  # where its share is a thirtieth of a second
    assert time.monotonic() - began < 60


def test_what_is_begun_too_late_is_not_begun(check, tmp_path):
    found = check.look(says(check, ""), 0.5, tmp_path)
    assert (found.state, found.why) == ("stopped", "no time was left to begin it")


def test_what_is_not_installed_is_left_out_and_said_at_the_end(check, tmp_path):
    absent = check.Part("engines", 1, [], lambda: "TensorRT is not installed")
    found = list(check.looked([says(check, PYTEST), absent], 60, tmp_path))
    lines = list(check.table(found))
    assert lines[-3:] == ["not reached:", "  says: 1 tests", "  engines: TensorRT is not installed"]
    assert "FAILED tests/gpu/test_x.py::test_b[cuda]" in lines


def test_rows_are_shown_beside_plain_execution(check):
    found = check.Result("stages", "done", rows=[ROW])
    lines = list(check.table([found]))
    assert ["warp", "torch", "fp32", "4.00", "8.00", "2.00", "-", "-"] in [line.split() for line in lines]
    assert lines[-1] == "everything was reached"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_pytorch_comes_first_and_every_part_has_its_share_of_eight_minutes(check, device):
    todo = check.parts(device, "engines")
    assert sum(part.seconds for part in todo) == 480
    assert [part.name.partition(":")[0] for part in todo][4:] == ["ONNX Runtime", "TensorRT", "TensorRT"]


def test_a_machine_without_a_gpu_is_told_so_in_one_line(check, capsys):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert check.main([]) == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"PyTorch {torch.__version__} ") and said.err.count("\n") == 1
    assert said.out == ""
