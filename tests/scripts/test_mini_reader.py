import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from ditto.packs.mini.motion.lip_readout import READER, Reader

SCRIPT = Path(__file__).parents[2] / "scripts" / "mini_reader.py"


@pytest.fixture(scope="module")
def training():
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("mini_reader", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_pack_reads_what_the_trained_network_reads(training):
    import torch

    torch.manual_seed(0)
    network = training.Network(width=20, taps=3, outputs=11).eval()
    with torch.no_grad():
        for values in network.parameters():
            values.add_(0.2 * torch.randn(values.shape))
    rng = np.random.default_rng(0)
    mean, spread, scale = rng.normal(size=20), rng.uniform(0.5, 2, 20), rng.uniform(0.5, 2, 11)
    frames = rng.normal(size=(9, 20))
    near = np.array([[n - 1, n, n + 1] for n in range(1, 8)])
    parts = network.parts(mean, spread, scale)
    reader = Reader(*(parts[name] for name in READER))
    standard = torch.from_numpy((frames - mean) / spread).float()
    with torch.inference_mode():
        wanted = network(standard, torch.from_numpy(near)).numpy() * scale
    read = reader(frames[near].reshape(7, -1)) + parts["out_bias"]
    np.testing.assert_allclose(read, wanted, atol=1e-4)
