from types import SimpleNamespace

import numpy as np

from ditto.official.painting import OfficialDecoder, OfficialWarper


class Echo:
    def __init__(self, **outputs):
        self.outputs = outputs

    def run(self, feeds):
        self.feeds = dict(feeds)
        return self.outputs


def test_the_warper_is_told_volume_and_both_keypoints():
    network = Echo(out="features")
    pose = SimpleNamespace(source=SimpleNamespace(appearance="volume"), at_rest="rest", driven="driven")
    assert OfficialWarper(network)(pose) == "features"
    assert network.feeds == {"feature_3d": "volume", "kp_source": "rest", "kp_driving": "driven"}


def test_the_decoder_gives_clipped_rgb_that_is_not_rounded():
    planes = np.zeros((1, 3, 512, 512), np.float32)
    planes[0, 0], planes[0, 1], planes[0, 2] = -0.5, 0.5, 7
    face = OfficialDecoder(Echo(output=planes))(None, "features")
    assert face.shape == (512, 512, 3)
    assert face[0, 0].tolist() == [0, 127.5, 255]
    assert face.flags.c_contiguous
