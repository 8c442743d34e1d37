"""What every format has in common."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from cfg.errors import ModelError
from model_formats import open_model
from model_formats.backend import MAX_BYTES, TorchNetwork


@pytest.mark.parametrize("name", ["decoder.pth", "decoder.onnx", "decoder.engine"])
def test_a_missing_file_is_named_with_where_to_get_it(tmp_path, name):
    with pytest.raises(
        ModelError, match=rf"{name}: no such file. README, 'Checkpoints', says where to get it"
    ):
        open_model(tmp_path / name)


def test_another_suffix_is_no_model(tmp_path):
    with pytest.raises(ModelError, match=r"notes.txt is not a model file; .*\.onnx"):
        open_model(tmp_path / "notes.txt")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "decoder.onnx").touch()
    with pytest.raises(ModelError, match="is 0 bytes"):
        open_model(tmp_path / "decoder.onnx")


def test_a_file_of_absurd_size_is_refused_unread(tmp_path):
    with (tmp_path / "decoder.pth").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelError, match="a model file has from 1 to"):
        open_model(tmp_path / "decoder.pth")


def test_weights_without_their_network_are_refused(pth):
    with pytest.raises(ModelError, match="say which network"):
        open_model(pth)


def test_onnx_gives_what_pytorch_gives_within_1e_6(pth, onnx_file, tiny, feeds):
    in_torch = open_model(pth, network=tiny.network).run(feeds)
    in_onnx = open_model(onnx_file, threads=1).run(feeds)
    assert in_torch.keys() == in_onnx.keys() == {"sum", "product"}
    for name, wanted in in_torch.items():
        np.testing.assert_allclose(in_onnx[name], wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["pth", "onnx_file"])
def test_names_and_shapes_are_told_and_checked(kind, request, tiny, feeds):
    opened = open_model(request.getfixturevalue(kind), network=tiny.network)
    assert opened.inputs == {"a": (2, 4), "b": (2, 4)}
    assert opened.outputs == {"sum": (2, 4), "product": (2, 4)}
    with pytest.raises(ModelError, match=r"takes a, b, not a$"):
        opened.run({"a": feeds["a"]})
    with pytest.raises(ModelError, match=r"'b' has shape \(4, 2\), wanted \(2, 4\)"):
        opened.run({"a": feeds["a"], "b": feeds["b"].T})


@pytest.mark.parametrize("kind", ["pth", "onnx_file"])
def test_a_closed_network_says_so(kind, request, tiny, feeds):
    opened = open_model(request.getfixturevalue(kind), network=tiny.network)
    opened.close()
    with pytest.raises(ModelError, match="is closed"):
        opened.run(feeds)


@pytest.mark.parametrize("kind", ["pth", "onnx_file"])
@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_an_absent_gpu_is_refused_not_replaced_by_the_cpu(kind, device, request, tiny):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelError, match="was asked for, but"):
        open_model(request.getfixturevalue(kind), device, network=tiny.network)


@pytest.mark.parametrize("kind", ["pth", "onnx_file"])
def test_an_unknown_device_is_refused(kind, request, tiny):
    with pytest.raises(ModelError, match="'quantum' is not a device"):
        open_model(request.getfixturevalue(kind), "quantum", network=tiny.network)


@pytest.mark.parametrize("kind", ["pth", "onnx_file"])
def test_results_kept_on_the_device_are_fed_on_without_a_copy_to_numpy(kind, request, tiny, feeds):
    path = request.getfixturevalue(kind)
    plain = open_model(path, network=tiny.network)
    keeping = open_model(path, network=tiny.network, keep_on_device=True)
    first = keeping.run(feeds)
    assert not any(isinstance(value, np.ndarray) for value in first.values())
    chained = plain.run({"a": first["sum"], "b": first["product"]})
    expected = plain.run(feeds)
    expected = plain.run({"a": expected["sum"], "b": expected["product"]})
    for name, value in expected.items():
        np.testing.assert_array_equal(chained[name], value)


def test_no_format_imports_another_ones_library():
    script = (
        "import sys, model_formats, model_formats.export\n"
        "loaded = {'torch', 'onnxruntime', 'tensorrt'} & sys.modules.keys()\n"
        "sys.exit(f'imported {loaded}' if loaded else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


ABSENT = (
    ("pth", "torch", "cpu", r"a .pth file needs PyTorch: \S+ -m pip install -e .*\[torch\]'"),
    ("onnx", "onnxruntime", "cpu", "an .onnx file needs ONNX Runtime: pip install onnxruntime"),
    ("engine", "tensorrt", "cuda", r"x.engine needs TensorRT: \S+ -m pip install -e .*\[trt\]'"),
)


@pytest.mark.parametrize(("suffix", "library", "device", "said"), ABSENT)
def test_a_format_whose_library_is_absent_is_refused_in_one_line(
    tmp_path, monkeypatch, suffix, library, device, said
):
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(b"x")
    for format_ in ("torch_file", "onnx_file"):
        monkeypatch.delitem(sys.modules, f"model_formats.{format_}", raising=False)
    for name in {library, "tensorrt_rtx"}:
        monkeypatch.setitem(sys.modules, name, None)
    network = TorchNetwork(lambda path: pytest.fail("opened"), {}, {})
    with pytest.raises(ModelError, match=f"^{said}$"):
        open_model(path, device, network=network)


def test_an_engine_without_cudas_bindings_is_refused_in_one_line(tmp_path, monkeypatch, tensorrt):
    (tmp_path / "x.engine").write_bytes(b"plan")
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt)
    monkeypatch.setitem(sys.modules, "cuda", None)
    with pytest.raises(
        ModelError, match=r"^an \.engine file needs CUDA's Python bindings: pip install cuda-bindings$"
    ):
        open_model(tmp_path / "x.engine", "cuda")


@pytest.mark.parametrize(("device", "said"), [("cuda:1", "there are 1 GPUs"), ("cuda:x", "a GPU only, not")])
def test_a_gpu_that_is_not_there_is_refused_for_engines_too(tmp_path, monkeypatch, tensorrt, device, said):
    (tmp_path / "x.engine").write_bytes(b"plan")
    runtime = SimpleNamespace(cudaGetDeviceCount=lambda: (0, 1))
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt)
    monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace(bindings=SimpleNamespace(runtime=runtime)))
    monkeypatch.setitem(sys.modules, "cuda.bindings", SimpleNamespace(runtime=runtime))
    with pytest.raises(ModelError, match=said):
        open_model(tmp_path / "x.engine", device)
