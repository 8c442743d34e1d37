"""The painting roles in batches: the same as one by one, whatever the batch and whoever else calls."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from cfg.errors import ModelError
from ditto.packs.official.pack import batch_size
from ditto.packs.official.painting import HalvedWarper, OfficialDecoder, OfficialWarper
from model_formats.batching import Batches


class Fake:
    """A network whose rows do not look at each other."""

    def __init__(self, outputs, batch=None):
        self.outputs = outputs
        self.inputs = {"x": (batch, 3)}
        self.sizes = []

    def run(self, feeds):
        self.sizes.append(len(next(iter(feeds.values()))))
        return self.outputs(feeds)


def moving():
    def outputs(feeds):
        shift = (feeds["kp_driving"] - feeds["kp_source"]).sum(axis=(1, 2))[:, None]
        return {"out": feeds["feature_3d"] * (1 + feeds.get("occlusion", 0)) + shift}

    return Fake(outputs)


def looking():
    return Fake(lambda feeds: {"occlusion": feeds["feature_3d"] / 10})


def painting():
    return Fake(lambda feeds: {"output": np.tanh(feeds["feature"][:, :3, :4, :4])})


@pytest.fixture
def poses():
    rng = np.random.default_rng(0)
    volumes = [rng.standard_normal((1, 5)).astype(np.float32) for _ in range(2)]
    return [
        SimpleNamespace(
            source=SimpleNamespace(look=volumes[n // 3]),
            at_rest=rng.standard_normal((1, 21, 3)).astype(np.float32),
            driven=rng.standard_normal((1, 21, 3)).astype(np.float32),
        )
        for n in range(5)
    ]


@pytest.mark.parametrize(("fixed", "ran"), [(True, 8), (False, 5)])
@pytest.mark.parametrize("halved", [False, True])
def test_many_poses_are_moved_as_each_alone(poses, halved, fixed, ran):
    network, source = moving(), looking()
    batches = Batches(network, 8, fixed=fixed)
    warper = HalvedWarper(source, batches) if halved else OfficialWarper(batches)
    together = warper.many(poses)
    assert network.sizes == [ran]
    assert not halved or len(source.sizes) == 2  # once for each portrait
    for pose, made in zip(poses, together, strict=True):
        assert np.array_equal(made, warper(pose))


def test_many_faces_are_painted_as_each_alone():
    rng = np.random.default_rng(1)
    maps = [rng.standard_normal((1, 6, 4, 4)).astype(np.float32) for _ in range(3)]
    decoder = OfficialDecoder(Batches(painting(), 4))
    for warped, made in zip(maps, decoder.many(maps), strict=True):
        assert made.shape == (4, 4, 3)
        assert np.array_equal(made, decoder(None, warped))


def test_sessions_share_the_calls_of_one_network(poses):
    network = moving()
    shared = Batches(network, len(poses), wait=5.0)
    alone = [OfficialWarper(network)(pose) for pose in poses]
    made = {}

    def session(number):
        made[number] = OfficialWarper(shared)(poses[number])

    threads = [threading.Thread(target=session, args=(n,)) for n in range(len(poses))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert network.sizes[len(poses) :] == [len(poses)]
    assert all(np.array_equal(made[n], alone[n]) for n in range(len(poses)))


def test_the_size_of_a_batch_is_the_wanted_or_a_measured_one():
    opened, closed = {"decoder": painting()}, {"decoder": Fake(None, batch=1)}
    assert batch_size(opened, 6) == 6
    assert batch_size(closed, 1) == 1
    assert batch_size(closed, 0) == 1
    assert batch_size({"decoder": Fake(lambda feeds: {})}, 0) in (1, 2, 4, 8, 16)
    with pytest.raises(ModelError, match=r"decoder takes one frame at a time, but pack\.batch is 4"):
        batch_size(closed, 4)
