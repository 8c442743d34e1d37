"""Small ONNX files with the signatures of matting networks, and answers that are known."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def saved(path, nodes, inputs, outputs, constants):
    graph = helper.make_graph(
        [helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes],
        "stand-in",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def modnet(path, shape=(1, 3, "height", "width"), alpha=(1, 1, "height", "width")):
    """A network of MODNet's signature: the person is there as far as a picture is bright."""
    return saved(
        path,
        [
            ("ReduceMean", ["picture"], ["mean"], {"axes": [1], "keepdims": 1}),
            ("Add", ["mean", "one"], ["doubled"]),
            ("Mul", ["doubled", "half"], ["alpha"]),
        ],
        {"picture": shape},
        {"alpha": alpha},
        {"one": 1, "half": 0.5},
    )


def painted_mask(path, mask):
    """A network of MODNet's signature that sees the same (h, w) mask in every picture."""
    side = [1, 1, *mask.shape]
    return saved(
        path,
        [
            ("ReduceMean", ["picture"], ["mean"], {"axes": [1], "keepdims": 1}),
            ("Mul", ["mean", "nothing"], ["empty"]),
            ("Add", ["empty", "mask"], ["alpha"]),
        ],
        {"picture": [1, 3, *mask.shape]},
        {"alpha": side},
        {"nothing": 0, "mask": mask[None, None]},
    )


def rvm(path, missing=(), channels=3):
    """A network of RVM's signature: as bright, and a quarter of all it saw before; its colours inverted."""
    picture, state = (1, channels, "height", "width"), (1, 1, "h", "w")
    names = [f"r{number}" for number in range(1, 5)]
    inputs = {"src": picture, **{f"{name}i": state for name in names}, "downsample_ratio": (1,)}
    nodes = [
        ("ReduceMean", ["src"], ["bright"], {"axes": [1], "keepdims": 1}),
        ("Mul", ["r1i", "quarter"], ["before"]),
        ("Add", ["bright", "before"], ["pha"]),
        ("Sub", ["one", "src"], ["fgr"]),
        ("Add", ["bright", "r1i"], ["r1o"]),
        *(("Identity", [f"{name}i"], [f"{name}o"]) for name in names[1:]),
    ]
    outputs = {
        "fgr": picture,
        "pha": (1, 1, "height", "width"),
        **{f"{name}o": (1, 1, "p", "q") for name in names},
    }
    kept = {name: shape for name, shape in outputs.items() if name not in missing}
    return saved(path, nodes, inputs, kept, {"one": 1, "quarter": 0.25})
