"""From a portrait and driving motion to finished frames: all networks of the official pack in a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cfg.settings import StitchSettings  # noqa: E402
from ditto.motion.vector import source_motion, to_vector  # noqa: E402
from ditto.packs.official.networks.blocks import fold  # noqa: E402
from ditto.packs.official.networks.checkpoint import NETWORKS  # noqa: E402
from ditto.packs.official.painting import OfficialDecoder, OfficialWarper  # noqa: E402
from ditto.packs.official.paste_back import OfficialCompositor  # noqa: E402
from ditto.reference.conventions import REFERENCE  # noqa: E402
from ditto.source.avatar import SourceFrame  # noqa: E402
from ditto.stages.decode import Decode  # noqa: E402
from ditto.stages.messages import Motion  # noqa: E402
from ditto.stages.putback import Putback  # noqa: E402
from ditto.stages.stitch import Stitch  # noqa: E402
from ditto.stages.warp import Warp  # noqa: E402
from tests.motions import motion_parts  # noqa: E402
from tests.rounding import share_of_official  # noqa: E402

EXACT = int(cv2.__version__.split(".")[0]) >= 5  # OpenCV 4 places samples on a grid of 1/32 pixel
USABLE = {"exp": 0.05, "kp": 0.3, "t": 0.1}  # what the reference multiplied the portrait's motion by


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def opened(manifest: Mapping[str, Any], filled: Callable[..., dict[str, np.ndarray]]) -> Callable[..., Any]:
    """A seeded network as a backend."""

    def build(name: str, salt: str) -> Any:
        shapes = {t["name"]: tuple(t["shape"]) for t in manifest["models"][name]["tensors"]}
        weights = {key: torch.from_numpy(np.asarray(a)) for key, a in filled(shapes, salt).items()}
        module = NETWORKS[name].build(weights).eval()
        module.load_state_dict(weights, strict=True)
        module = fold(module)

        def run(feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            with torch.inference_mode():
                made = module(*(torch.from_numpy(feeds[key]) for key in NETWORKS[name].inputs))
            results = made if isinstance(made, tuple) else (made,)
            return dict(zip(NETWORKS[name].outputs, (r.numpy() for r in results), strict=True))

        return SimpleNamespace(run=run)

    return build


def agree(found: np.ndarray, expected: np.ndarray, *networks: str) -> None:
    """As far as the networks that it came through allow."""
    bound = sum(map(share_of_official, networks)) * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


@pytest.mark.full
@pytest.mark.golden("pipeline")
def test_frames_are_those_of_the_reference(case, opened, summarise):
    salt, expected = case.options["salt"], case.expected
    feeds = {"image": case.given["image256"]}
    portrait = {
        part: values * np.float32(USABLE.get(part, 1))
        for part, values in opened("motion_extractor", salt).run(feeds).items()
    }
    portrait["scale"] = case.given["scale"]
    for part, values in case.expected.items():
        if part.startswith("x_s_info."):
            agree(portrait[part.removeprefix("x_s_info.")], values, "motion_extractor")

    source = SourceFrame(
        index=0,
        image=case.given["frame"],
        motion=source_motion(portrait),
        eye_open=np.zeros(2, np.float32),
        eye_ball=np.zeros(6, np.float32),
        to_frame=case.given["M_c2o"],
        appearance=opened("appearance_extractor", salt).run(feeds)["pred"],
        landmarks=np.zeros((0, 2), np.float32),
    )
    bend = opened("stitch_network", salt)
    stages = (
        Stitch(
            SimpleNamespace(is_image=True, frame=lambda index: source),
            lambda at_rest, driven: bend.run({"kp_source": at_rest, "kp_driving": driven})["out"],
            StitchSettings(blink_interval=-1),
            mixing=REFERENCE.mixing,
        ),
        Warp(OfficialWarper(opened("warp_network", salt))),
        Decode(OfficialDecoder(opened("decoder", salt))),
        Putback(OfficialCompositor(compat=True)),
    )
    driving = case.group("d")
    count = case.options["F"]
    made: list[list[Any]] = [
        [
            Motion(0, n, to_vector(motion_parts({part: values[n] for part, values in driving.items()})))
            for n in range(count)
        ]
    ]
    for stage in stages:
        made.append([result for item in made[-1] for result in stage.process(item)])
    _, poses, warped, faces, pictures = made

    seen = "motion_extractor", "stitch_network"
    agree(np.concatenate([pose.at_rest for pose in poses]), expected["x_s"], *seen)
    agree(np.concatenate([pose.driven for pose in poses]), expected["x_d"], *seen)
    moved = *seen, "appearance_extractor", "warp_network"
    volume = warped[0].payload
    agree(volume[sparsely(volume, expected["warp.sub"])], expected["warp.sub"], *moved)
    agree(volume[0].mean((1, 2), np.float64), expected["warp.chan_mean"], *moved)

    render = faces[-1].payload.transpose(2, 0, 1)[None]
    apart = np.abs(render[sparsely(render, expected["render.sub"])] - expected["render.sub"])
    assert apart.max() <= 2 and apart.mean() <= 0.01  # of 255: the seeded decoder amplifies rounding
    stats = summarise(render, str(expected["render.proj_key"]))
    summed = [0, 1, 4, 5]  # not its extremes, nor the projection, whose value is rounding
    np.testing.assert_allclose(stats[summed], expected["render.stats"][summed], rtol=1e-3)

    apart = np.abs(np.stack([picture.image for picture in pictures]).astype(int) - expected["frame"])
    assert apart.max() <= (2 if EXACT else 7)
    assert apart.mean() < (0.01 if EXACT else 0.25)


def sparsely(whole: np.ndarray, part: np.ndarray) -> tuple[slice, ...]:
    """The steps that lead from the whole array to the stored part of it."""
    return tuple(slice(None, None, -(-n // m)) for n, m in zip(whole.shape, part.shape, strict=True))
