"""Networks in halves: what is done once is done once."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from ditto.packs.official.denoiser import HalvedDenoiser
from ditto.packs.official.painting import HalvedWarper


class Counted:
    """A network that answers the same and remembers what it was fed."""

    def __init__(self, **outputs):
        self.outputs = outputs
        self.fed = []

    def run(self, feeds):
        self.fed.append(dict(feeds))
        return dict(self.outputs)


def pose(volume, driven):
    return SimpleNamespace(source=SimpleNamespace(look=volume), at_rest="rest", driven=driven)


def test_a_portrait_is_looked_at_once_for_all_its_frames():
    source, frame = Counted(compressed="small", still="unmoved"), Counted(out="moved")
    warper = HalvedWarper(source, frame)
    first, second = np.zeros(3), np.zeros(3)
    for volume, driven in ((first, "a"), (first, "b"), (second, "c"), (second, "d")):
        assert warper(pose(volume, driven)) == "moved"
    assert [fed["feature_3d"] is volume for fed, volume in zip(source.fed, (first, second), strict=True)]
    assert [fed["kp_driving"] for fed in frame.fed] == ["a", "b", "c", "d"]
    assert frame.fed[3]["feature_3d"] is second
    assert frame.fed[0] | {"feature_3d": 0} == {
        "feature_3d": 0,
        "compressed": "small",
        "still": "unmoved",
        "kp_source": "rest",
        "kp_driving": "a",
    }


def test_a_window_is_told_its_conditions_once_for_all_its_steps():
    window, step = Counted(keys="k", values="v"), Counted(pred_noise="noise", x_start="clean")
    denoise = HalvedDenoiser(window, step).prepare("heard", np.array([900, 400]))
    for number in (0, 1):
        assert denoise(np.zeros((1, 80, 265)), "before", number) == ("noise", "clean")
    assert len(window.fed) == 1
    assert [fed["step"].tolist() for fed in step.fed] == [[0], [1]]
    assert step.fed[1]["keys"] == "k"
    assert step.fed[1]["x"].dtype == np.float32
