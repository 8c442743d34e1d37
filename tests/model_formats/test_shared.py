"""Networks opened once for all streams, and closed together."""

import threading

import pytest

from model_formats import shared
from model_formats.shared import SharedModels


class Network:
    def __init__(self, **how):
        self.how = how
        self.closed = False

    def close(self):
        self.closed = True


@pytest.fixture
def opened(monkeypatch):
    """All networks that were opened."""
    networks = []

    def open_model(path, **how):
        networks.append(Network(**how))
        return networks[-1]

    monkeypatch.setattr(shared, "open_model", open_model)
    return networks


def test_a_file_is_opened_once_whoever_asks_and_however_it_is_spelled(opened, tmp_path):
    models = SharedModels()
    paths = [tmp_path / "a.onnx", tmp_path / "x" / ".." / "a.onnx"] * 4
    threads = [threading.Thread(target=models.open, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1


def test_all_are_closed_and_may_be_asked_for_again(opened, tmp_path):
    models = SharedModels()
    first = models.open(tmp_path / "a.onnx")
    models.close()
    models.close()
    assert first.closed
    assert models.open(tmp_path / "a.onnx") is not first


def test_device_and_threads_are_those_of_the_pack_where_nothing_else_is_said(opened, tmp_path):
    models = SharedModels("cuda:1", 3)
    models.open(tmp_path / "a.onnx")
    models.open(tmp_path / "b.onnx", device="cpu", threads=1)
    assert [network.how for network in opened] == [
        {"device": "cuda:1", "threads": 3},
        {"device": "cpu", "threads": 1},
    ]
