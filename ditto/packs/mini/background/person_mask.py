"""Matte of the mini pack's person: cut out once, and moved with the mesh."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from ditto.arrays import Image
from ditto.packs.mini.background.edge_extension import continued
from ditto.packs.mini.paint.composite import repainted
from ditto.packs.mini.paint.warper import MiniWarper
from ditto.packs.mini.source.appearance import FrameAppearance, MiniAppearance
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.picture.cutout.cutout import Cutout
from ditto.picture.cutout.matting import Person, SteadyAlpha, matting_by
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose


class MeshSilhouette:
    """The mask moves exactly as the picture does, so edges neither flicker nor swim."""

    def __init__(self, person: Person) -> None:
        self._matting = matting_by(person)
        self._warper = MiniWarper()
        self._steady = SteadyAlpha()
        self._moving: SourceFrame[MiniAppearance] | None = None
        self._mask: tuple[Image, Image] | None = None  # of the frame above, in place of its picture and box

    def prepare(self, frame: SourceFrame[MiniAppearance]) -> SourceFrame[MiniAppearance]:
        """The frame ready to be painted: the person's colours carried over their edges, and the mask.

        Asked in order of frames, from one thread.
        """
        matte = self._matting(frame.image, frame.landmarks if frame.seen else None)
        cutout = Cutout.of(frame.image, self._steady(frame.image, matte.alpha), matte.foreground)
        look, image = frame.appearance, cutout.foreground
        return dataclasses.replace(
            frame,
            image=image,
            appearance=None if look is None else FrameAppearance(image, look.head, None, look.freedom),
            cutout=cutout,
        )

    def __call__(self, pose: Pose[MiniAppearance], image: Image) -> Image:
        """(h, w, 4): a finished picture with its mask. Asked from another thread than `prepare`."""
        source = pose.source
        mask = source.person.alpha
        if source.seen:
            moved = self._warper(pose)
            if moved is not None:
                if self._moving is not source or self._mask is None:
                    self._moving, self._mask = source, of_mask(mask, source.look.head)
                corner = source.look.head.wide_box[:2]
                mask = repainted(*self._mask, None, corner, moved.map)[..., 0]
        return np.dstack([image, mask])


def of_mask(mask: Image, head: HeadGeometry) -> tuple[Image, Image]:
    """A mask in place of a picture, and of its wide box: beyond its edges it ends where the person does."""
    left, top, right, bottom = head.box
    share = cv2.merge([mask[top:bottom, left:right]] * 4)
    wide = continued(np.asarray(share, np.uint8), head)[..., 3]
    flat = cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB)
    return np.asarray(flat, np.uint8), np.asarray(cv2.merge([wide] * 4), np.uint8)
