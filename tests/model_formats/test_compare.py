"""Two forms of a network held to each other: by Polygraphy, in ONNX Runtime on the processor."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("polygraphy")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from cfg.errors import ModelError  # noqa: E402
from model_formats.compare import backend_runner, compared, example_data, graph_runner  # noqa: E402
from model_formats.half import to_half  # noqa: E402
from model_formats.polygraphy_tools import bind  # noqa: E402


@pytest.fixture(autouse=True)
def bound(polygraphy_unbound):
    bind(SimpleNamespace(__name__="tensorrt"))


def product(weight=((1.0, 0.5), (0.1, 1.0)), output="y"):
    """One matrix product of `x`, of any number of rows."""
    held = numpy_helper.from_array(np.array(weight, np.float32), "w")
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ("batch", 2)) for n in ("x", output))
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], [output], "p")], "g", [x], [y], [held])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def data(spread=1.0):
    return example_data(product().graph, {"batch": 3}, {"x": spread}, {})


def beside(other, allowed=1e-3):
    return compared(graph_runner(product(), "exact"), other, data(), allowed)


class Answers:
    """A network that gives the same whatever it is fed."""

    def __init__(self, **outputs):
        self._outputs = {name: np.array(values, np.float32) for name, values in outputs.items()}

    def run(self, feeds):
        assert feeds["x"].shape == (3, 2)
        return self._outputs

    def close(self):
        pass


def test_a_network_is_no_way_from_itself():
    (y,) = beside(graph_runner(product(), "the same")).outputs
    assert (y.output, y.largest, y.mean, y.too_far) == ("y", 0.0, 0.0, False)


def test_half_precision_is_a_little_way_off_and_allowed_so_much():
    half = product()
    to_half(half)
    (y,) = beside(graph_runner(half, "half")).outputs
    assert 0 < y.mean < y.largest < 1e-3
    assert not y.too_far
    assert beside(graph_runner(half, "half"), allowed=1e-6).too_far


def test_differences_are_shares_of_the_output_s_largest_value():
    exact = Answers(y=[[8.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    other = Answers(y=[[8.0, 2.0], [0.0, 0.0], [0.0, 0.0]])
    runners = [
        backend_runner(network, data(), name) for network, name in ((exact, "exact"), (other, "other"))
    ]
    (y,) = compared(*runners, data(), 0.3).outputs
    assert (y.largest, y.too_far) == (0.25, False)


def test_a_table_says_how_the_difference_is_spread():
    comparison = beside(graph_runner(product(weight=((1.0, 0.0), (0.0, 1.0))), "other"))
    assert comparison.too_far
    assert "Accuracy Comparison | other vs. exact" in comparison.table
    assert "---- Histogram ----" in comparison.table


@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_what_is_no_number_is_never_near(fault):
    broken = Answers(y=[[fault, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert beside(backend_runner(broken, data(), "broken"), allowed=1e9).too_far
    exact = backend_runner(broken, data(), "exact")
    assert compared(exact, backend_runner(broken, data(), "other"), data(), 1e9).too_far


def test_an_output_of_another_shape_is_never_near():
    assert beside(backend_runner(Answers(y=[[0.0, 0.0]]), data(), "short"), allowed=1e9).too_far


def test_an_output_that_is_missing_is_named():
    with pytest.raises(ModelError, match="other gives z, not y"):
        beside(graph_runner(product(output="z"), "other"))


def test_a_graph_that_cannot_be_run_is_named():
    with pytest.raises(ModelError, match=r"exact and other cannot be compared: .*Nonsense"):
        wrong = product()
        wrong.graph.node[0].op_type = "Nonsense"
        beside(graph_runner(wrong, "other"))


def test_numbers_have_the_spread_asked_for_and_are_the_same_every_time():
    graph = product().graph
    first, again = (example_data(graph, {"batch": 5000}, {"x": 0.3}, {})[0]["x"] for _ in range(2))
    assert first.dtype == np.float32 and abs(first.std() - 0.3) < 0.01 and abs(first.mean()) < 0.01
    np.testing.assert_array_equal(first, again)


def test_whole_numbers_stay_below_the_highest():
    times = helper.make_tensor_value_info("times", TensorProto.INT64, ("steps",))
    graph = helper.make_graph([], "g", [times], [])
    drawn = example_data(graph, {"steps": 500}, {}, {"times": 4})[0]["times"]
    assert sorted(set(drawn.tolist())) == [0, 1, 2, 3]


def test_comparing_prints_nothing(capfd):
    beside(graph_runner(product(), "the same"))
    assert capfd.readouterr() == ("", "")
