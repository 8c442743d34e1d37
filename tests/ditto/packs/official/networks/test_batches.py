"""The official networks take as many frames in a call as they are given."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks.official.weights import seeded  # noqa: E402
from ditto.packs.official.networks.checkpoint import NETWORKS, network  # noqa: E402
from ditto.packs.official.pack import PAINTERS  # noqa: E402
from model_formats import open_model  # noqa: E402
from model_formats.batching import run_many, takes_batches  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def opened(name, folder, precision):
    """A .pth file of that network, opened."""
    official = NETWORKS[name]
    with torch.device("meta"):
        shapes = official.build({}).state_dict()
    named = {official.prefix + key: value for key, value in seeded(shapes).items()}
    torch.save({official.key: named} if official.key else named, folder / "network.pth")
    return open_model(folder / "network.pth", "cpu", precision, network(name))


def calls(backend, count):
    generator = np.random.default_rng(0)
    shapes = {name: (1, *shape[1:]) for name, shape in backend.inputs.items()}
    return [
        {name: 0.3 * generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        for _ in range(count)
    ]


def test_what_paints_a_frame_says_that_it_takes_several():
    painters = [name for name in PAINTERS if name in NETWORKS]
    assert painters == ["warp_network", "decoder"]
    assert all(takes_batches(network(name).inputs) for name in painters)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "name",
    [
        "stitch_network",
        pytest.param("warp_network", marks=pytest.mark.full),
        pytest.param("decoder", marks=pytest.mark.full),
    ],
)
def test_a_batch_from_a_weight_file_is_what_each_frame_gives_alone(name, precision, tmp_path, computes):
    computes(precision)
    backend = opened(name, tmp_path, precision)
    frames = calls(backend, 2)
    together = run_many(backend, frames)
    for frame, made in zip(frames, together, strict=True):
        for output, wanted in backend.run(frame).items():
            bound = (1e-5 if precision == "fp32" else 0.02) * np.abs(wanted).max()
            np.testing.assert_allclose(made[output], wanted, rtol=0, atol=bound)
