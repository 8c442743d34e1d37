"""Files of roles that have no seeded weights, so that the official pack opens without them.

The face networks look at a portrait once and are not measured. The speech encoder's place is taken by
one convolution, which costs next to nothing: a frame's time holds the encoder only where its file is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.official.weights import Networks

OPSET = 17
FACES = ("insightface_det", "landmark106", "landmark203", "blaze_face", "face_mesh")
KERNEL, STRIDE, WIDTH = 400, 320, 1024  # samples, samples, numbers of a row


def stand_ins(networks: Networks, folder: Path) -> dict[str, Path]:
    """Files by role, in `folder`."""
    same = folder / "same.onnx"
    given = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1])]
    made = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1])]
    _save([helper.make_node("Identity", ["input"], ["output"])], given, made, [], same)
    speech = networks.file("hubert") or _speech(folder / "rows.onnx")
    return {**dict.fromkeys(FACES, same), "hubert": speech}


def _speech(path: Path) -> Path:
    kernel = np.random.default_rng(0).standard_normal((WIDTH, 1, KERNEL)).astype(np.float32) / KERNEL**0.5
    kept = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(np.array([1], np.int64), "channel"),
        numpy_helper.from_array(np.array([0], np.int64), "first"),
    ]
    nodes = [
        helper.make_node("Unsqueeze", ["input_values", "channel"], ["sound"]),
        helper.make_node("Conv", ["sound", "kernel"], ["heard"], strides=[STRIDE]),
        helper.make_node("Squeeze", ["heard", "first"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["encoding_out"], perm=[1, 0]),
    ]
    given = [helper.make_tensor_value_info("input_values", TensorProto.FLOAT, [1, "samples"])]
    made = [helper.make_tensor_value_info("encoding_out", TensorProto.FLOAT, ["rows", WIDTH])]
    _save(nodes, given, made, kept, path)
    return path


def _save(
    nodes: list[onnx.NodeProto],
    given: list[onnx.ValueInfoProto],
    made: list[onnx.ValueInfoProto],
    kept: list[onnx.TensorProto],
    path: Path,
) -> None:
    graph = helper.make_graph(nodes, path.stem, given, made, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.save(model, path)
