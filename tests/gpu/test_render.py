"""Sound and a portrait through all nine stages: the pictures of the device are the processor's."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.official.weights import Networks
from benchmarks.official.whole import Whole

pytestmark = pytest.mark.full

# Levels of 255, mean and largest: rounding that the seeded decoder amplifies, whole levels of what a GPU
# painted, and in halves their own.
NEAR = {"fp32": (0.2, 5), "bf16": (4, 255), "fp16": (1, 128)}
FRAMES = 2


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """wanted(): (2, 1080, 1920, 3) from the processor, made when they are first asked for."""
    return cache(lambda: pictures(tmp_path_factory.mktemp("processor"), "cpu", "fp32"))


def pictures(folder, device, precision):
    whole = Whole(Networks(None), folder, steps=50, threads=1, device=device, precision=precision)
    try:
        return np.stack(whole.ours(FRAMES)).astype(int)
    finally:
        whole.close()


@pytest.mark.parametrize("precision", list(NEAR))
def test_frames_of_the_device_are_those_of_the_processor(precision, device, wanted, tmp_path, computes):
    computes(precision, device)
    if (device, precision) == ("cpu", "fp32"):
        pytest.skip("it is what the others are held to")
    apart = np.abs(pictures(tmp_path, device, precision) - wanted())
    mean, most = NEAR[precision]
    assert apart.mean() <= mean and apart.max() <= most
