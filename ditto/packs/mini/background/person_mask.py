"""The mini pack's person against another background: cut out once, and moved with the mesh."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.packs.mini.background.edge_extension import continued
from ditto.packs.mini.background.layers import Layers
from ditto.packs.mini.paint.composite import repainted
from ditto.packs.mini.paint.warper import MiniWarper
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.picture.matting import Matting, Person, behind, foreground
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose

HELD = 0.6  # share of the mask of a video's frame before, where the picture has not changed
CHANGED = 14.0  # grey levels of change from which a mask is taken as it is found
SMALL = 256  # pixels of the longer side of what is behind


class MeshSilhouette:
    """The mask moves exactly as the picture does, so edges neither flicker nor swim."""

    def __init__(self, person: Person) -> None:
        self._matting = Matting(person)
        self._warper = MiniWarper()
        self._before: tuple[Image, Floats] | None = None  # grey picture and mask of the last frame
        self._moving: SourceFrame | None = None
        self._mask: Layers | None = None  # of the frame above, its mask in place of its picture

    def prepare(self, frame: SourceFrame) -> SourceFrame:
        """The frame ready to be painted: the person's colours carried over their edges, and the mask.

        Asked in order of frames, from one thread.
        """
        mask = self._matting(frame.image, frame.landmarks if frame.seen else None)
        grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8)
        if self._before is not None and self._before[1].shape == mask.shape:
            mask = steadied(self._before, grey, mask)
        self._before = (grey, mask)
        look = frame.appearance
        return dataclasses.replace(
            frame,
            image=foreground(frame.image, mask),
            appearance=None if look is None else dataclasses.replace(look, matte=None),
            mask=np.rint(mask * 255).astype(np.uint8),
            behind=behind(frame.image, mask, SMALL),
        )

    def __call__(self, pose: Pose, image: Image) -> Image:
        """(h, w, 4): a finished picture with its mask. Asked from another thread than `prepare`."""
        source = pose.source
        assert source.mask is not None
        mask = source.mask
        if source.seen:
            moved = self._warper(pose)
            if moved is not None:
                if self._moving is not source or self._mask is None:
                    self._moving, self._mask = source, of_mask(mask, source.appearance)
                mask = repainted(dataclasses.replace(moved, layers=self._mask))[..., 0]
        return np.dstack([image, mask])


def of_mask(mask: Image, look: MiniAppearance) -> Layers:
    """A mask in place of a picture: beyond its edges it ends where the person does."""
    left, top, right, bottom = look.box
    flat, share = cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB), cv2.merge([mask[top:bottom, left:right]] * 4)
    wide = continued(np.asarray(share, np.uint8), look)[..., 3]
    image = np.asarray(flat, np.uint8)
    return Layers(look, image, image[top:bottom, left:right], np.asarray(cv2.merge([wide] * 4), np.uint8))


def steadied(before: tuple[Image, Floats], grey: Image, mask: Floats) -> Floats:
    """The mask of a video's next frame, held where the picture is the same as before."""
    change = cv2.GaussianBlur(cv2.absdiff(grey, before[0]), (0, 0), 2.0).astype(np.float32)
    hold = HELD * (1 - np.clip(change / CHANGED, 0, 1))
    return np.asarray(mask * (1 - hold) + before[1] * hold, np.float32)
