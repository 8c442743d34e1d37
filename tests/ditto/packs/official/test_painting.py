from types import SimpleNamespace

import numpy as np
import pytest

from ditto.packs.official.painting import HalvedWarper, OfficialDecoder, OfficialWarper
from model_formats.batching import Batches


class Echo:
    def __init__(self, **outputs):
        self.outputs = outputs

    def run(self, feeds):
        self.feeds = dict(feeds)
        return self.outputs


def test_the_warper_is_told_volume_and_both_keypoints():
    network = Echo(out="features")
    pose = SimpleNamespace(source=SimpleNamespace(look="volume"), at_rest="rest", driven="driven")
    assert OfficialWarper(network)(pose) == "features"
    assert network.feeds == {"feature_3d": "volume", "kp_source": "rest", "kp_driving": "driven"}


def test_the_decoder_gives_clipped_rgb_that_is_not_rounded():
    planes = np.zeros((1, 3, 512, 512), np.float32)
    planes[0, 0], planes[0, 1], planes[0, 2] = -0.5, 0.5, 7
    face = OfficialDecoder(Echo(output=planes))(None, "features")
    assert face.shape == (512, 512, 3)
    assert face[0, 0].tolist() == [0, 127.5, 255]
    assert face.flags.c_contiguous


@pytest.mark.parametrize("halved", [False, True])
def test_a_portrait_is_brought_to_the_device_once_and_frames_of_a_video_are_not(halved):
    network, first, brought = Echo(out="features"), Echo(still="still"), []

    def place(volume):
        brought.append(volume)
        return f"{volume} there"

    warper = HalvedWarper(first, network, place=place) if halved else OfficialWarper(network, place=place)
    fed = []
    for volume in ("portrait", "portrait", "portrait", "frame 1", "frame 2"):
        warper(SimpleNamespace(source=SimpleNamespace(look=volume), at_rest="rest", driven="driven"))
        fed.append(network.feeds["feature_3d"])
    assert fed == ["portrait", "portrait there", "portrait there", "frame 1", "frame 2"]
    assert brought == ["portrait"]


def test_a_batch_may_hold_a_portrait_before_and_after_it_was_brought_to_the_device():
    torch = pytest.importorskip("torch")
    source = SimpleNamespace(look=np.zeros((1, 4), np.float32))
    keypoints = np.zeros((1, 21, 3), np.float32)
    poses = [SimpleNamespace(source=source, at_rest=keypoints, driven=keypoints) for _ in range(3)]
    network = Echo(out=np.zeros((4, 2), np.float32))
    warper = OfficialWarper(Batches(network, 4), place=lambda volume: torch.from_numpy(volume).to("meta"))
    assert len(warper.many(poses)) == 3
    fed = network.feeds["feature_3d"]
    assert (fed.device.type, tuple(fed.shape)) == ("meta", (4, 4))


def test_what_a_device_painted_comes_as_whole_levels():
    torch = pytest.importorskip("torch")
    planes = torch.zeros(1, 3, 512, 512)
    planes[0, 0], planes[0, 1], planes[0, 2] = -0.5, 0.5003, 7
    face = OfficialDecoder(Echo(output=planes))(None, "features")
    assert (face.dtype, face.shape, face.flags.c_contiguous) == (np.float32, (512, 512, 3), True)
    assert face[0, 0].tolist() == [0, 128, 255]
