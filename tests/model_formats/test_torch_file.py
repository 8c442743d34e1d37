"""PyTorch weight files: nothing in them runs, and half precision stays near."""

from __future__ import annotations

import pickle
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cfg.errors import ModelError  # noqa: E402
from model_formats import open_model  # noqa: E402
from model_formats.torch_device import computing  # noqa: E402
from model_formats.torch_weights import read_weights  # noqa: E402


class Hostile:
    """Touches a file when it is unpickled by an unguarded reader."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_pickle_is_refused_and_not_executed(tmp_path, zipped):
    target, path = tmp_path / "executed", tmp_path / "weights.pth"
    if zipped:
        torch.save({"weight": Hostile(target)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Hostile(target)}, protocol=2))
    with pytest.raises(ModelError, match="holds more than weights"):
        read_weights(path)
    assert not target.exists()


@pytest.mark.parametrize("kept", [1, 20, 400])
def test_a_truncated_file_is_refused(pth, kept):
    pth.write_bytes(pth.read_bytes()[:kept])
    with pytest.raises(ModelError, match="not a readable weight file"):
        read_weights(pth)


def test_any_byte_flipped_in_the_head_is_refused_or_read(pth):
    whole = pth.read_bytes()
    for place in range(0, 600, 7):
        pth.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read_weights(pth)
        except ModelError as error:
            assert str(pth) in str(error)


@pytest.mark.parametrize(
    "kind", ["float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool"]
)
def test_tensors_are_read_as_pytorch_reads_them(tmp_path, kind):
    whole = torch.arange(12).reshape(3, 4).to(getattr(torch, kind))
    value = {
        "whole": whole,
        "turned": whole.t(),
        "part": whole[1:, ::2],
        "one": whole[0, 1],
        "none": whole[:0],
        "weight": torch.nn.Parameter(whole, requires_grad=False),
        "settings": {"size": whole.shape, "steps": [1, 2.5, None, "a"]},
    }
    torch.save(value, tmp_path / "weights.pth")
    read = read_weights(tmp_path / "weights.pth")
    for name in ("whole", "turned", "part", "one", "none", "weight"):
        assert torch.equal(read[name], value[name])
        assert (read[name].dtype, read[name].stride()) == (value[name].dtype, value[name].stride())
    assert read["settings"] == {"size": (3, 4), "steps": [1, 2.5, None, "a"]}
    assert read["turned"].data_ptr() == read["whole"].data_ptr() or kind == "none"


def rewritten(path, change, **how):
    """The archive with what its members hold changed, by their name behind the folder."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", **how) as archive:
        for name, content in members.items():
            archive.writestr(name, change(name.partition("/")[2], content))


def test_an_archive_that_unpacks_to_more_than_its_file_is_refused(pth):
    rewritten(pth, lambda name, content: content + bytes(10**6), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="compressed"):
        read_weights(pth)


def test_a_storage_that_is_shorter_than_it_says_is_refused(pth):
    rewritten(pth, lambda name, content: content[:4] if name.startswith("data/") else content)
    with pytest.raises(ModelError, match="4 bytes for"):
        read_weights(pth)


@pytest.mark.parametrize(
    ("shape", "stride", "offset"),
    [
        ((5,), (1,), 0),
        ((4,), (1,), 1),
        ((2,), (4,), 0),
        ((2**40,), (0,), 0),
        ((-1,), (1,), 0),
        ((2,), (1,), -1),
    ],
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path, shape, stride, offset):
    class Reaches:
        def __reduce__(self):
            rebuild, (storage, *_) = torch.zeros(4).__reduce_ex__(2)
            return rebuild, (storage, offset, shape, stride, False, {})

    path = tmp_path / "weights.pth"
    torch.save({"weight": Reaches()}, path)
    with pytest.raises(ModelError, match="damaged"):
        read_weights(path)


def test_a_file_that_an_early_pytorch_wrote_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"weight": torch.zeros(2)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match=r"before 1\.6"):
        read_weights(path)


@pytest.mark.parametrize(("precision", "bound"), [("fp32", 0), ("bf16", 0.03), ("fp16", 0.004)])
def test_half_precision_is_near_and_comes_back_as_fp32(pth, tiny, feeds, precision, bound, computes):
    computes(precision)
    exact = open_model(pth, network=tiny.network).run(feeds)
    near = open_model(pth, precision=precision, network=tiny.network).run(feeds)
    for name, wanted in exact.items():
        assert near[name].dtype == np.float32
        np.testing.assert_allclose(near[name], wanted, rtol=0, atol=bound)


def test_the_same_feeds_give_the_same_bits(pth, tiny, feeds):
    opened = open_model(pth, network=tiny.network)
    first, second = opened.run(feeds), opened.run(feeds)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_work_with_a_stream_of_its_own_is_done_in_it(monkeypatch):
    said = []

    @contextmanager
    def stream(name):
        said.append(f"on {name}")
        yield
        said.append(f"end of {name}")

    monkeypatch.setattr(torch.cuda, "stream", stream)
    with computing(torch.device("cpu"), torch.bfloat16, stream="its own"):
        said.append((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)
        assert torch.is_inference_mode_enabled()
    assert said == ["on its own", torch.bfloat16, "end of its own"]
    assert not torch.is_inference_mode_enabled()
    with computing(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    assert len(said) == 3
