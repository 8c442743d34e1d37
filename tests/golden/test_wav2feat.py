"""Sound cut into windows for the speech encoder, held to the reference numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soxr

from ditto.packs.official.hubert import (
    HubertStream,
    frame_count,
    reference_file_framing,
    reference_frame_count,
    reference_live_framing,
)


class FakeEncoder:
    """The data's stand-in for HuBERT, which remembers what it was given."""

    def __init__(self):
        self.windows = []

    def run(self, feeds):
        sound = feeds["input_values"][0]
        self.windows.append(sound)
        starts = 320 * np.arange((len(sound) - 400) // 320 + 1)[:, None]
        place = np.arange(1024)
        return {"encoding_out": (sound[starts + place % 320] * (1 + place // 320)).astype(np.float32)}


def whole(stream, sound, piece=4096):
    pushed = [stream.push(sound[i : i + piece]) for i in range(0, len(sound), piece)]
    return np.concatenate([*pushed, stream.flush()])


def agree(found, expected, near=1e-5):
    assert found[:, ::64].shape == expected.shape
    np.testing.assert_allclose(found[:, ::64], expected, atol=near * np.abs(expected).max(), rtol=0)


@pytest.mark.golden("wav2feat", op="num_frames")
def test_frames_counted_as_the_original_does(case):
    lengths = case.given["len"].tolist()
    assert [reference_frame_count(n) for n in lengths] == case.expected["n"].tolist()
    assert all(0 <= reference_frame_count(n) - frame_count(n) <= 1 for n in lengths)


@pytest.mark.golden("wav2feat", op="offline")
def test_features_of_a_whole_file(case):
    sound, rate = case.given["audio"], case.options["sr"]
    if rate != 16_000:
        wanted = math.ceil(len(sound) * 16_000 / rate)
        sound = soxr.resample(sound, rate, 16_000, quality="HQ")[:wanted]
        sound = np.pad(sound, (0, wanted - len(sound)))
    stream = HubertStream(FakeEncoder(), tuple(case.options["chunksize"]), reference_file_framing)
    agree(whole(stream, sound), case.expected["feat"], 1e-5 if rate == 16_000 else 1e-4)


@pytest.mark.golden("wav2feat", op="chunk")
def test_features_of_one_window(case):
    stream = HubertStream(FakeEncoder(), tuple(case.options["chunksize"]))
    agree(stream.hear(case.given["audio"]), case.expected["feat"])


@pytest.mark.golden("wav2feat", op="online")
def test_features_of_a_live_voice(case):
    encoder = FakeEncoder()
    chunk = tuple(case.options["chunksize"])
    found = whole(HubertStream(encoder, chunk, reference_live_framing), case.given["audio"], piece=777)
    agree(found, case.expected["feat"])
    assert (len(encoder.windows), len(found)) == (case.options["n_chunks"], case.options["n_feat"])
    padded = np.concatenate([np.zeros(chunk[0] * 640, np.float32), case.given["audio"]])
    assert [len(window) for window in encoder.windows] == case.expected["lens"].tolist()
    for start, window in zip(case.expected["starts"].tolist(), encoder.windows, strict=True):
        held = padded[start : start + len(window)]
        assert np.array_equal(window, np.pad(held, (0, len(window) - len(held))))
