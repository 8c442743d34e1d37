"""What the reference does another way, and where `stream.compat` chooses between the two."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from cfg.errors import ConfigError, NoFaceError
from cfg.reading import load
from cfg.settings import BlendSettings
from ditto.motion.vector import resting_motion
from ditto.packs.mini.source.template import default_template
from ditto.reference.conventions import OURS, REFERENCE, conventions
from ditto.reference.schedule import ReferenceMotion
from ditto.source.avatar import SourceFrame
from ditto.stages.audio2motion import OVERLAP_OFFLINE, Audio2Motion
from stream_pipeline.engine import Engine
from stream_pipeline.plan import motion_plan
from stream_pipeline.session import Session
from tests.stream_pipeline.conftest import FakePack, StillAvatar, source_frame

VIDEO = Path(__file__).parents[3] / "examples" / "astronaut_video.mp4"


def settings(compat="reference", mode="online", **over):
    return load("mini", stream={"compat": compat, "mode": mode}, **over)


def test_the_settings_choose():
    assert conventions(settings("none")) is OURS
    assert conventions(settings("reference")) is REFERENCE


@pytest.mark.parametrize(
    ("compat", "mode", "stage", "joins"),
    [
        ("none", "online", Audio2Motion, False),
        ("none", "offline", Audio2Motion, False),
        ("reference", "online", ReferenceMotion, True),
        ("reference", "offline", Audio2Motion, False),
    ],
)
def test_the_references_schedule_is_another_one_online(compat, mode, stage, joins):
    made = motion_plan(FakePack(), StillAvatar(source_frame()), settings(compat, mode))
    assert isinstance(made.audio2motion, stage)
    assert (made.condition is None) == joins


@pytest.mark.parametrize("online", [False, True])
def test_the_references_windows_share_as_many_frames_online_as_offline(online):
    assert REFERENCE.overlap(FakePack(), online) == OVERLAP_OFFLINE
    assert OURS.overlap(FakePack(), online) == (FakePack.online_overlap if online else OVERLAP_OFFLINE)


def test_a_head_that_stays_in_sight_moves_in_the_reference_alone():
    mouth = BlendSettings(region="mouth")
    assert REFERENCE.driven_parts(["yaw"], mouth) == ["yaw"]
    assert tuple(OURS.driven_parts(None, mouth)) == ("exp",)
    assert OURS.driven_parts(["yaw"], BlendSettings()) == ["yaw"]
    with pytest.raises(ConfigError, match="moves the head \\(yaw\\)"):
        OURS.driven_parts(["yaw"], mouth)


@pytest.mark.parametrize(("compat", "first"), [("none", 0.0), ("reference", 0.5)])
def test_of_two_fades_on_one_frame_the_later_counts_in_the_reference(compat, first):
    with Session(FakePack(), StillAvatar(source_frame()), settings(compat)) as session:
        session.controls.fade(3, 4, 4)
        assert session.controls.at(0).fade_alpha == first


class OnlyTheFirst:
    """A face in the first frame of a video, and none later."""

    def measure(self, image, index, landmarks):
        return SourceFrame(index, image, resting_motion(), landmarks=landmarks, appearance=None)

    def track(self, image, index):
        if index:
            raise NoFaceError("no face found")
        return default_template().shape.astype(np.float32), True

    def forget(self):
        pass


class Watching(FakePack):
    def analyser(self, settings):
        return OnlyTheFirst()


def test_a_video_without_a_face_goes_on_unless_as_the_reference():
    def seen(compat):
        with Engine(settings(compat), Watching()) as engine:
            return [frame.seen for frame in islice(engine.register(VIDEO).play(), 3)]

    assert seen("none") == [True, False, False]
    with pytest.raises(NoFaceError):
        seen("reference")
