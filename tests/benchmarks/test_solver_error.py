"""The table of what few denoising steps cost."""

import pytest

torch = pytest.importorskip("torch")

from benchmarks import solver_error  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.full
def test_a_solver_is_compared_with_itself_and_another_seed(capsys):
    assert solver_error.main(["--steps", "1,3", "--reference", "3"]) == 0
    origin, heads, *rows = capsys.readouterr().out.splitlines()
    assert "seeded weights" in origin and "told noise" in origin
    assert heads.split()[:3] == ["solver", "steps", "seconds"]
    table = {tuple(row.split()[:2]): [float(cell) for cell in row.split()[3:5]] for row in rows}
    for solver in ("ancestral", "dpm++"):
        assert table[solver, "3"][0] == 0
        assert table[solver, "1"][0] > 0
        assert table[solver, "1"][1] > 0


def test_weights_that_are_not_there_are_named(tmp_path, capsys):
    assert solver_error.main(["--data_root", str(tmp_path)]) == 1
    assert "no such file" in capsys.readouterr().err
