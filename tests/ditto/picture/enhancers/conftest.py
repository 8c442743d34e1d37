"""A face to enhance, and small networks with the signatures of the real ones."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cfg.reading import load
from ditto.motion.pose import Placement
from ditto.packs.registry import open_pack
from ditto.stages.avatar_registrar import register
from ditto.stages.messages import Pose

PORTRAIT = Path(__file__).parents[4] / "examples" / "drawn_woman.jpg"


@pytest.fixture(scope="session")
def source():
    settings = load("mini", source={"max_size": 480})
    pack = open_pack(settings)
    yield register(pack, PORTRAIT, settings).first
    pack.close()


@pytest.fixture
def pose(source):
    """pose(roll, index): one whose head is tilted by so many degrees."""

    def make(roll=0.0, index=0):
        none = np.zeros((21, 3), np.float32)
        rest = Placement(0, 0, 0, 1, np.zeros(3, np.float32), none)
        drive = Placement(0, 0, roll, 1, np.zeros(3, np.float32), none)
        return Pose(0, index, source, none[None], none[None], rest, drive)

    return make


@pytest.fixture
def network(tmp_path):
    """network(nodes, inputs, outputs, …): an ONNX file of them."""

    def make(nodes, inputs, output, constants=(), name="net.onnx"):
        graph = helper.make_graph(
            [helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes],
            "stand-in",
            [helper.make_tensor_value_info(n, kind, shape) for n, kind, shape in inputs],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, output)],
            [numpy_helper.from_array(np.asarray(value), key) for key, value in dict(constants).items()],
        )
        path = tmp_path / name
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        return path

    return make


@pytest.fixture
def brightener(network):
    """brightener(by, side): a restorer of faces that adds a number to every value."""

    def make(by=0.2, side=512, channels=3):
        shape = [1, channels, side, side]
        return network(
            [("Add", ["input", "by"], ["output"])],
            [("input", TensorProto.FLOAT, shape)],
            shape,
            {"by": np.float32(by)},
        )

    return make


@pytest.fixture
def faithful(network):
    """A restorer with CodeFormer's second input: brighter the less faithful it may be."""
    shape = [1, 3, 512, 512]
    return network(
        [
            ("Cast", ["weight"], ["w"], {"to": TensorProto.FLOAT}),
            ("Sub", ["one", "w"], ["by"]),
            ("Add", ["x", "by"], ["output"]),
        ],
        [("x", TensorProto.FLOAT, shape), ("weight", TensorProto.DOUBLE, [1])],
        shape,
        {"one": np.float32(1)},
    )


@pytest.fixture
def doubler(network):
    """doubler(side): an upscaler that repeats every pixel, and makes all a little brighter."""

    def make(side=None):
        return network(
            [
                ("Add", ["input", "by"], ["brighter"]),
                ("Resize", ["brighter", "", "scales"], ["output"], {"mode": "nearest"}),
            ],
            [("input", TensorProto.FLOAT, [1, 3, side or "h", side or "h"])],
            [1, 3, None, None],
            {"by": np.float32(10 / 255), "scales": np.array([1, 1, 2, 2], np.float32)},
        )

    return make
