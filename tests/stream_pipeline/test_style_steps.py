"""What the style settings do to the poses of the built-in pack."""

from fractions import Fraction
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.reading import load
from ditto.media.picture import read_picture
from ditto.media.sound import read_sound
from ditto.motion.controls import ControlTrack
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from ditto.packs.mini.pack import MiniPack
from ditto.source.driving_video import between_frames, read_driving_video
from ditto.source.registered import StillAvatar
from ditto.stages.avatar_registrar import measured
from ditto.stages.messages import AudioChunk
from stream_pipeline.plan import plan
from stream_pipeline.style_steps import layers

EXAMPLES = Path(__file__).parents[2] / "examples"
VIDEO = str(EXAMPLES / "astronaut_video.mp4")
SECONDS = 4
FRAMES = 25 * SECONDS


@pytest.fixture(scope="module")
def pack():
    opened = MiniPack(load("mini").pack)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def avatar(pack):
    image = read_picture(EXAMPLES / "drawn_man.jpg", max_size=256)
    return StillAvatar(measured(pack, image, load("mini")))


@pytest.fixture(scope="module")
def voice():
    return read_sound(EXAMPLES / "speech.flac", end=SECONDS).samples


@pytest.fixture(scope="module")
def poses(pack, avatar, voice):
    """poses(fps, controls, **style): every pose of the example speech."""

    def make(fps=25, frames=None, compat="none", length=None, **style):
        settings = load("mini", style=style, output={"fps": fps}, stream={"compat": compat})
        count = -(-len(voice) * fps // 16_000) if length is None else length
        controls = ControlTrack(frames, under=layers(pack, settings, count), fps=fps)
        planned = plan(pack, avatar, settings, controls, length=count)
        for frame in islice(planned.source_frames, 1):
            planned.registrar.put(frame)
        stages = [planned.wav2feat, planned.condition, planned.audio2motion, planned.stitch]
        items = [AudioChunk(0, 0, voice)]
        for stage in filter(None, stages):
            items = [out for item in items for out in stage.process(item)] + list(stage.flush())
        return items

    return make


@pytest.fixture(scope="module")
def plain(poses):
    return poses()


def head(given):
    """(n, 3) degrees away from the portrait."""
    return np.array(
        [[getattr(p.drive, a) - getattr(p.rest, a) for a in ("pitch", "yaw", "roll")] for p in given]
    )


def face(given, place):
    return np.array([p.drive.expression.reshape(63)[place] for p in given]) / METRE


def test_still_leaves_the_head_where_it_is_and_lips_and_lids_as_they_are(plain, poses):
    still = poses(still=True)
    assert np.abs(head(still)).max() < 0.12 * np.abs(head(plain)).max()
    assert np.allclose(face(still, Exp.GAP), face(plain, Exp.GAP), atol=1e-3)
    assert np.allclose(face(still, Exp.BLINK_LEFT), face(plain, Exp.BLINK_LEFT), atol=1e-3)


@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_the_expression_scale_is_the_size_of_the_lips(plain, poses, scale):
    scaled, usual = (face(given, Exp.GAP) for given in (poses(expression_scale=scale), plain))
    open_ = (usual > 1) & (usual * scale < 25)
    assert np.allclose(scaled[open_], usual[open_] * scale, rtol=0.02)
    assert np.abs(scaled[usual < 0.01]).max() < 0.01  # closed stays closed
    blinks = [face(given, Exp.BLINK_LEFT) for given in (poses(expression_scale=scale), plain)]
    assert np.allclose(*blinks, atol=1e-3)


def test_styles_of_head_motion_are_told_apart_and_come_out_the_same_again(plain, poses):
    paths = [head(poses(pose_style=n)) for n in (5, 14, 23, 32)]
    assert [path.std(axis=0).argmax() for path in paths[:3]] == [0, 1, 2]  # nods, turns, tilts
    assert (head(poses(pose_style=14)) == paths[1]).all()
    for path in paths:
        assert np.abs(path - head(plain)).max() > 1


def test_identity_brings_head_and_resting_face_back_to_the_portrait(plain, poses):
    own = poses(identity_weight=1.0)
    for measure in (lambda g: head(g)[40:].mean(axis=0), lambda g: face(g, Exp.CORNER)[40:].mean()):
        assert np.abs(measure(own)).sum() < 0.7 * np.abs(measure(plain)).sum()
    assert np.corrcoef(face(own, Exp.GAP), face(plain, Exp.GAP))[0, 1] > 0.99


def test_keyframes_turn_the_head_from_the_first_to_the_last(poses):
    turned = head(poses(yaw=(0, 10, -10), roll=(4,)))
    assert turned[[0, FRAMES // 2, -1], 1] == pytest.approx([0, 10, -10], abs=0.3)
    assert turned[:, 2] == pytest.approx(4, abs=0.05)


def test_a_script_counts_over_keyframes(poses):
    turned = head(poses(frames={10: {"delta_yaw": -3}}, yaw=(8,)))
    assert turned[[9, 10, 11], 1] == pytest.approx([8, -3, 8], abs=0.05)


def test_head_and_blinks_follow_a_reference_video(poses):
    given = poses(ref_pose=VIDEO, ref_blink=VIDEO)
    seen = read_driving_video(VIDEO)
    angles = np.array([between_frames(seen.angles, n) for n in range(FRAMES)])
    shut = np.array([between_frames(seen.shut, n) for n in range(FRAMES)])
    assert np.allclose(head(given), angles, atol=0.05)
    assert np.allclose(face(given, Exp.BLINK_LEFT), shut[:, 0] * 10, atol=0.05)


def test_at_another_rate_there_are_as_many_poses_and_what_they_show_moves_as_before(plain, poses):
    for fps in (Fraction(30_000, 1001), 30, 50, 60):
        given = poses(fps=fps)
        assert [p.index for p in given] == list(range(ceil(fps * SECONDS)))
        moments = np.arange(len(given)) / float(fps)
        expected = np.interp(moments, np.arange(FRAMES) / 25, face(plain, Exp.GAP))
        assert np.allclose(face(given, Exp.GAP), expected, atol=0.01)
        moving = np.abs(np.diff(head(given)[: int(fps * 3)], axis=0)).sum(axis=1)
        assert (moving > 0).all()  # no pose is shown twice


def test_keyframes_end_with_the_video_at_any_rate(poses):
    assert head(poses(fps=50, yaw=(0, 10)))[-1, 1] == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"fps": 50, "length": -1}, "live stream"),
        ({"yaw": (1, 2), "length": -1}, "length"),
        ({"still": True, "compat": "reference"}, "compat"),
        ({"ref_pose": "missing.mp4"}, "missing.mp4"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_runs(poses, asked, words):
    from cfg.errors import DittoError

    with pytest.raises(DittoError, match=words):
        poses(**asked)


@pytest.mark.parametrize(
    "wrong", [{"expression_scale": 3.0}, {"pose_style": 46}, {"identity_weight": -0.1}, {"yaw": (90.0,)}]
)
def test_styles_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"style\."):
        load("mini", style=wrong)
