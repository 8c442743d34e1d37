import random
from types import SimpleNamespace

import numpy as np
import pytest

from cfg.reading import build
from cfg.settings import StitchSettings
from ditto.motion.controls import ControlTrack, checked_frames
from ditto.motion.vector import source_motion, to_vector
from ditto.reference.conventions import REFERENCE
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Motion
from ditto.stages.stitch import Stitch
from stream_pipeline.keywords import nested
from tests.motions import motion_parts

SETUP = (
    "use_d_keys",
    "relative_d",
    "drive_eye",
    "fade_out_keys",
    "fade_type",
    "overall_ctrl_info",
    "delta_eye_open_n",
)


@pytest.fixture(scope="module")
def network(filled, manifest):
    """The stitching network, in the few lines that it is."""
    tensors = manifest["models"]["stitch_network"]["tensors"]

    def build(salt):
        weights = filled({t["name"]: tuple(t["shape"]) for t in tensors}, salt)

        def stitch(at_rest, driven):
            hidden = np.concatenate([at_rest.reshape(1, -1), driven.reshape(1, -1)], axis=1)
            for layer in (0, 2, 4, 6):
                hidden = hidden @ weights[f"mlp.{layer}.weight"].T + weights[f"mlp.{layer}.bias"]
                hidden = hidden if layer == 6 else np.maximum(hidden, 0)
            fitted = driven + hidden[:, :63].reshape(1, 21, 3)
            fitted[:, :, :2] += hidden[:, None, 63:]
            return fitted

        return stitch

    return build


def source_of(case):
    """Frame f of the output shows source frame f % S."""
    parts = case.group("s")
    count = case.options["S"]
    blank = np.zeros((1, 1, 3), np.uint8)
    frames = [
        SourceFrame(
            index=n,
            image=blank,
            motion=source_motion({name: values[n] for name, values in parts.items()}),
            eye_open=np.zeros(2, np.float32),
            eye_ball=np.zeros(6, np.float32),
            to_frame=np.eye(3, dtype=np.float32),
            appearance=None,
            landmarks=np.zeros((0, 2), np.float32),
        )
        for n in range(count)
    ]
    return SimpleNamespace(is_image=case.options["is_image_flag"], frame=lambda index: frames[index % count])


def controls_of(case):
    frames = checked_frames(case.options.get("ctrl", {}))
    track = ControlTrack(frames, case.options.get("overall_ctrl_info"))
    for frame in case.options.get("delta_exp_frames", []):
        track.set(frame, delta_exp=case.given[f"ctrl.{frame}.delta_exp"])
    return track


def stage_of(case, stitcher):
    given = {name: case.options[name] for name in SETUP if name in case.options}
    keywords = {"delta_eye_open_n": -1, "delta_eye_arr": case.given.get("delta_eye_arr"), **given}
    settings = build(StitchSettings, nested(keywords)["stitch"])
    stage = Stitch(
        source_of(case),
        stitcher,
        settings,
        controls_of(case),
        d0=to_vector(motion_parts(case.group("d0"))) if case.options.get("d0") else None,
        length=case.options.get("N_d", -1),
        rng=random.Random(case.options["py_random_seed"]),
        character_scale=float(case.given["ch.scale"].item()) if case.options.get("ch") else None,
        mixing=REFERENCE.mixing,
    )
    if "set_Nd" in case.options:
        stage.set_length(case.options["set_Nd"])
    return stage


def run(case, stitcher):
    stage, parts = stage_of(case, stitcher), case.group("d")
    poses = []
    for index in range(case.options["F"]):
        vector = to_vector(motion_parts({name: values[index] for name, values in parts.items()}))
        poses += stage.process(Motion(0, index, vector))
    return poses


def assert_close(got, expected):
    got = np.concatenate(got)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.golden("motion_stitch")
def test_motion_is_put_on_the_portrait_as_the_reference_does(case, network):
    plain = run(case, None)
    assert_close([pose.at_rest for pose in plain], case.expected["x_s"])
    assert_close([pose.driven for pose in plain], case.expected["x_d_nostitch"])
    fitted = run(case, network(case.options["stitch_salt"]))
    assert_close([pose.driven for pose in fitted], case.expected["x_d"])
