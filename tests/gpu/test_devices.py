"""A device is honoured or refused; nothing falls back to another."""

from __future__ import annotations

import numpy as np
import pytest

from cfg.errors import ModelError
from model_formats import open_model
from model_formats.torch_device import available

torch = pytest.importorskip("torch")


def test_a_number_beyond_the_last_gpu_is_refused(device):
    count = torch.cuda.device_count()
    with pytest.raises(ModelError, match=f"there are {count} GPUs" if count else "sees no CUDA GPU"):
        available(f"cuda:{count}")


def test_a_graph_is_refused_on_a_gpu_that_is_not_there(graph_device, graph_file):
    count = torch.cuda.device_count()
    path, _ = graph_file("stitch_network")
    with pytest.raises(ModelError):
        open_model(path, f"cuda:{count}")


@pytest.mark.gpu
def test_work_of_a_second_gpu_stays_there(opened, seeded_network):
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU, or none")
    network = opened("stitch_network", seeded_network("stitch_network"), "cuda:1", keep_on_device=True)
    rest = np.zeros((1, 21, 3), np.float32)
    assert network.run({"kp_source": rest, "kp_driving": rest})["out"].device.index == 1
