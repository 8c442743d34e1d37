"""PyTorch weight files: nothing in them runs, and half precision stays near."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cfg.errors import ModelError  # noqa: E402
from model_formats import open_model  # noqa: E402
from model_formats.torch_file import computing, read_weights  # noqa: E402


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


def test_an_archive_that_unpacks_to_more_than_a_model_is_refused(pth, monkeypatch):
    monkeypatch.setattr("model_formats.torch_file.LARGEST", 100)
    with pytest.raises(ModelError, match="unpacks to"):
        read_weights(pth)


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
