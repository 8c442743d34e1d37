"""TensorFlow Lite face networks as ONNX models, so that one runtime serves every network."""

from __future__ import annotations

import importlib
import struct

from cfg.errors import ModelError
from cfg.install_hints import installing
from ditto.faces import tflite_file
from ditto.faces.tflite_attention import ATTENTION
from ditto.faces.tflite_graph import Graph
from ditto.faces.tflite_operators import OPERATORS

HANDLERS = {**OPERATORS, **ATTENTION}
# what reading, indexing and reshaping raise when the bytes contradict each other
MALFORMED_ERRORS = (struct.error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def convert(model: bytes, half: bool = True) -> bytes:
    """An ONNX model that gives what the float TFLite model gives, under the same names and shapes.

    With `half`, weights are stored in half precision and widened when the model is loaded.
    """
    _need("flatbuffers", "onnx")
    try:
        network = tflite_file.read(model)
        graph = Graph(network, half)
        for operator in network.operators:
            if operator.name not in HANDLERS:
                raise ModelError(
                    f"{operator} cannot be converted to ONNX; known are {', '.join(sorted(HANDLERS))}"
                )
            HANDLERS[operator.name](graph, operator)
        return graph.to_onnx()
    except MALFORMED_ERRORS as error:
        raise ModelError(f"not a whole TensorFlow Lite network: {error or type(error).__name__}") from error


def _need(*libraries: str) -> None:
    for library in libraries:
        try:
            importlib.import_module(library)
        except ImportError as error:
            raise ModelError(f"reading TensorFlow Lite needs {library}: {installing('build')}") from error
