"""The table of what few denoising steps cost."""

import importlib.util
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

SCRIPT = Path(__file__).parents[2] / "scripts" / "solver_error.py"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    described = importlib.util.spec_from_file_location("solver_error", SCRIPT)
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield module
    torch.set_num_threads(before)


@pytest.mark.full
def test_a_solver_is_compared_with_itself_and_another_seed(script, capsys):
    assert script.main(["--steps", "1,3", "--reference", "3"]) == 0
    origin, heads, *rows = capsys.readouterr().out.splitlines()
    assert "seeded weights" in origin and "told noise" in origin
    assert heads.split()[:3] == ["solver", "steps", "seconds"]
    table = {tuple(row.split()[:2]): [float(cell) for cell in row.split()[3:5]] for row in rows}
    for solver in ("ancestral", "dpm++"):
        assert table[solver, "3"][0] == 0
        assert table[solver, "1"][0] > 0
        assert table[solver, "1"][1] > 0


def test_weights_that_are_not_there_are_named(script, tmp_path, capsys):
    assert script.main(["--data_root", str(tmp_path)]) == 1
    assert "no such file" in capsys.readouterr().err
