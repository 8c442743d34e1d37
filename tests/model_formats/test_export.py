"""Exports: standard operators, whole files."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from model_formats.export import export_onnx  # noqa: E402


def test_an_export_uses_standard_operators_of_the_opset_asked_for(onnx_file):
    model = onnx.load(onnx_file)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 20)]
    assert {node.domain for node in model.graph.node} == {""}


def test_a_failed_export_leaves_no_file_of_that_name(tmp_path):
    class Fails(torch.nn.Module):
        def forward(self, a):
            raise RuntimeError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer"):
        export_onnx(Fails(), tmp_path / "x.onnx", ["a"], ["b"], [torch.zeros(1)])
    assert not (tmp_path / "x.onnx").exists()
