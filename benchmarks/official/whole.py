"""A portrait's first frames through all nine stages, beside the same work done plainly.

A window of motion serves 70 new frames; few are made here, and the denoiser takes as small a share of
its steps. Pictures are counted, not encoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from benchmarks.official.plain import PlainDenoiser, PlainWindows, plain_decoder
from benchmarks.official.putback import NEW_FRAMES, plain_putback, putback_inputs
from benchmarks.official.stand_ins import stand_ins
from benchmarks.official.streaming import Streams, noise
from benchmarks.official.timing import Case
from benchmarks.official.weights import Networks
from cfg.reading import load
from cfg.settings import Settings
from ditto.arrays import Floats, Image
from ditto.motion.controls import ControlTrack
from ditto.motion.diffusion import DiffusionSampler
from ditto.motion.vector import WIDTHS, source_motion
from ditto.packs.base import erased
from ditto.packs.official.pack import OfficialPack
from ditto.packs.official.painting import OfficialDecoder, OfficialWarper
from ditto.packs.official.paste_back import feathered_mask
from ditto.packs.official.volume import Volume
from ditto.rates import SAMPLES_PER_FRAME
from ditto.source.avatar import AnyAvatar, SourceFrame
from ditto.source.registered import StillAvatar
from ditto.stages.messages import AudioChunk, Pose
from model_formats.batching import Batches
from stream_pipeline.plan import plan
from stream_pipeline.session import Session

FRAMES = 4
WHOLE = "end_to_end_image"


class Whole:
    """The official pack as it is opened from .pth files, and a portrait that is registered with it."""

    def __init__(
        self,
        networks: Networks,
        folder: Path,
        steps: int,
        threads: int,
        device: str = "cpu",
        precision: str = "fp32",
        graphs: bool = False,
    ) -> None:
        """Networks that stand in for others, of which only ONNX files are made, stay on the processor."""
        self._precision, self._steps = precision, steps
        self._form = "graphs" if graphs else "torch"
        files = {role: str(path) for role, path in stand_ins(networks, folder).items()}
        pack = {
            "root": str(networks.folder(folder)),
            "threads": threads,
            "files": files,
            "device": device,
            "precision": precision,
            "graphs": graphs,
            "on_processor": list(files),
        }
        self._settings: Settings = load("ditto_torch", pack=pack, motion={"steps": share_of(steps, FRAMES)})
        self._avatar: AnyAvatar = StillAvatar(portrait())
        self._pack = OfficialPack(self._settings.pack)
        self._plain = plainly(self._pack, networks, device)

    def case(self) -> Case:
        """Both ways make one frame before they are timed."""
        for way in (self.ours, self.plain):
            way(1)
        return Case(
            WHOLE,
            self._form,
            self._precision,
            lambda: self.ours(FRAMES),
            lambda: self.plain(FRAMES),
            frames=FRAMES,
            warm=True,
            live=True,
        )

    def ours(self, frames: int) -> list[Image]:
        """A stream as every render is one: stages on threads."""
        with Session(
            erased(self._pack),
            self._avatar,
            self._settings,
            sound=[noise(frames * SAMPLES_PER_FRAME)],
            length=frames,
        ) as session:
            return [picture.image for picture in session.pictures()]

    def plain(self, frames: int) -> list[Image]:
        """The same stages one after the other, over the networks as they were published."""
        planned = plan(erased(self._plain), self._avatar, self._settings, ControlTrack(), length=frames)
        for frame in planned.source_frames:
            planned.registrar.put(frame)
        planned.registrar.close()
        return [
            picture.image
            for picture in in_turn(planned.stages(), [AudioChunk(0, 0, noise(frames * SAMPLES_PER_FRAME))])
        ]

    def streams(self, frames: int) -> Streams:
        """Streams of so many frames over the same pack; live ones take all steps of the denoiser."""
        offline, online = (
            replace(
                self._settings,
                motion=replace(self._settings.motion, steps=steps),
                stream=replace(self._settings.stream, mode=mode),
            )
            for mode, steps in (("offline", share_of(self._steps, frames)), ("online", self._steps))
        )
        return Streams(erased(self._pack), self._avatar, offline, online, self._form, self._precision)

    def close(self) -> None:
        self._pack.close()


def share_of(steps: int, frames: int) -> int:
    """Denoising steps as dear for so few frames as a window's are for its own."""
    return max(1, round(steps * min(1, frames / NEW_FRAMES)))


def in_turn(stages: Sequence[Any], items: Iterable[Any]) -> list[Any]:
    """What comes out of the last stage, each having finished before the next begins."""
    for stage in stages:
        items = [*(result for item in items for result in stage.process(item)), *stage.flush()]
    return list(items)


def plainly(pack: OfficialPack, networks: Networks, device: str) -> Any:
    """The same pack with its heavy networks and its compositing replaced by the plain ones."""
    denoiser = PlainWindows(PlainDenoiser(networks.plain("lmdm")), device)
    warper = OfficialWarper(Batches(AsPublished(networks.plain("warp_network"), "out", device)))
    decoder = OfficialDecoder(
        Batches(AsPublished(plain_decoder(networks.plain("decoder")), "output", device))
    )
    mask = feathered_mask(512, 512)

    def sampler(settings: Settings, source: SourceFrame[Volume], overlap: int) -> DiffusionSampler:
        return DiffusionSampler(denoiser, settings.motion.steps)

    def composited(pose: Pose[Volume], face: Floats) -> Image:
        return plain_putback(pose.source.image, face, mask, pose.source.to_frame)

    own = {name: getattr(pack, name) for name in dir(pack) if not name.startswith("_")}
    replaced = {
        "sampler": sampler,
        "warper": lambda: warper,
        "decoder": lambda: decoder,
        "compositor": lambda settings: composited,
    }
    return SimpleNamespace(**{**own, **replaced})


class AsPublished:
    """A network of one result, run eagerly."""

    def __init__(self, module: torch.nn.Module, output: str, device: str) -> None:
        self._module = module.to(device)
        self._output = output
        self._device = device

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        with torch.inference_mode():
            given = (torch.from_numpy(np.asarray(array)).to(self._device) for array in feeds.values())
            made = self._module(*given)
        return {self._output: made.cpu().numpy()}


def portrait() -> SourceFrame[Volume]:
    """A 1080p picture as if it had been analysed."""
    generator = np.random.default_rng(0)
    given = putback_inputs()
    motion = source_motion(
        {
            part: (0.05 * generator.standard_normal((1, width))).astype(np.float32)
            for part, width in WIDTHS.items()
        }
    )
    return SourceFrame(
        index=0,
        image=given["picture"],
        motion=replace(motion, scale=np.ones((1, 1), np.float32)),
        eye_open=np.ones(2, np.float32),
        eye_ball=np.zeros(6, np.float32),
        to_frame=given["to_frame"],
        appearance=generator.standard_normal((1, 32, 16, 64, 64)).astype(np.float32),
        landmarks=(300 + 200 * generator.random((203, 2))).astype(np.float32),
    )
