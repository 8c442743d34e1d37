from itertools import islice
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cfg.settings import SourceSettings
from ditto.motion.vector import named_arrays, source_motion
from ditto.packs.official.analyser import FaceNetworks, OfficialAnalyser
from ditto.packs.official.detector import Faces
from ditto.packs.official.landmark203 import Landmark203
from ditto.packs.official.source_size import render_size
from ditto.source.avatar import SourceFrame
from ditto.source.registered import MovingAvatar

EXACT = int(cv2.__version__.split(".")[0]) >= 5  # OpenCV 4 places samples on a grid of 1/32 pixel


BLANK = np.zeros((2, 2, 3), np.uint8)


class Measured:
    """An analyser that has measured every frame's motion before."""

    def __init__(self, parts):
        self.parts = parts

    def track(self, image, index):
        return np.zeros((4, 2), np.float32), True

    def measure(self, image, index, landmarks):
        motion = source_motion({name: values[index] for name, values in self.parts.items()})
        return SourceFrame(index, image, motion, appearance=None, landmarks=landmarks)


class Answers:
    """A network that gives fixed arrays and remembers what it was fed."""

    def __init__(self, **outputs):
        self.outputs = outputs
        self.seen = None

    def run(self, feeds):
        (self.seen,) = feeds.values()
        return self.outputs


def near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.golden("source_crop")
def test_from_a_picture_to_its_head(case, summarise):
    o = case.options
    image = cv2.GaussianBlur(case.given["image"], (0, 0), 3)
    heads = []

    def eyes_of(head, _):
        heads.append(head)
        return np.random.default_rng(0).random((478, 3), np.float32)

    parts = ("scale", "pitch", "yaw", "roll", "t", "exp", "kp")
    motion = Answers(**{part: np.zeros((1, 3), np.float32) for part in parts})
    networks = FaceNetworks(
        detect=lambda _: Faces(case.given["det"], np.zeros((len(case.given["det"]), 5, 2)), 1.0),
        landmark106=lambda *_: case.given["lmk106"],
        landmark203=Landmark203(Answers(landmarks=case.given["pred203"])),
        landmark478=eyes_of,
        motion=motion,
        appearance=Answers(pred=np.zeros(1, np.float32)),
    )
    renamed = {"crop_flag_do_rot": "crop_rotate"}
    settings = SourceSettings(**{renamed.get(k, k): o[k] for k in o if k.startswith("crop_")})
    last = case.given["last_lmk"] if o["tracked"] else None
    frame = OfficialAnalyser(networks, settings, compat=True, last=last).analyse(image, 0)

    near(frame.landmarks, case.expected["lmk203"])
    near(frame.to_frame, case.expected["M_c2o"])
    planes = {"img_crop": heads[0].transpose(2, 0, 1)[None].astype(np.float32), "rgb256": motion.seen}
    loosest = {"img_crop": 2.0, "rgb256": 1 / 255}
    for name, found in planes.items():
        expected = case.expected[f"{name}.sub"]
        step = found.shape[-1] // expected.shape[-1]
        apart = np.abs(found[..., ::step, ::step] - expected).max()
        assert apart <= (1e-6 if EXACT else loosest[name])
        if EXACT:
            near(
                summarise(found, f"{case.expected[f'{name}.proj_key']}:{name}"),
                case.expected[f"{name}.stats"],
            )


@pytest.mark.golden("resize_rule")
def test_the_size_a_source_is_rendered_at(case):
    for (height, width, longest), (*expected, resized) in zip(
        case.given["rows"].tolist(), case.expected["res"].tolist(), strict=True
    ):
        found = render_size(height, width, longest)
        assert [*found] == expected
        assert (found != (height, width)) == bool(resized)


@pytest.mark.golden("smooth_source")
def test_a_videos_motion_is_averaged_over_its_neighbours(case):
    parts = case.group("seq")
    count = len(next(iter(parts.values())))
    video = SimpleNamespace(count=count, frame=lambda index: BLANK, close=lambda: None)
    avatar = MovingAvatar(
        lambda: video,
        lambda: Measured(parts),
        case.options["smo_k"],
        limit=count,
        no_face="fail",
        sharp=case.options["ignore_keys"],
    )
    found = [named_arrays(frame.motion) for frame in islice(avatar.play(), count)]
    avatar.close()
    for name in parts:
        near(np.stack([m[name] for m in found]), case.expected[f"seq.{name}"])
