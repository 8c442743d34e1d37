"""Record of a person cut out of a picture: alpha, foreground, what is behind. `matting.py` finds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats, Image
from ditto.picture.cutout.foreground import carried
from ditto.picture.cutout.inpainting import without_person


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A person, and the picture without them: laid over it by their alpha they make the picture again."""

    alpha: Image  # (h, w) 255 where a pixel is the person's alone
    foreground: Image  # (h, w, 3) in the person's own colours, without those of the background
    behind: Image  # (h, w, 3), or smaller where it is only shown out of focus

    @classmethod
    def of(cls, picture: Image, alpha: Floats, foreground: Image | None = None) -> Cutout:
        """Of a whole picture and (h, w) an alpha in 0..1, where nothing is known of the background."""
        colours = carried(picture, alpha) if foreground is None else foreground
        return cls(as_bytes(alpha), colours, without_person(picture, alpha))


def with_alpha(foreground: Image, alpha: Floats) -> Image:
    """(h, w, 4) bytes of a foreground and an alpha in 0..1."""
    return np.dstack([foreground, as_bytes(alpha)])


def as_bytes(alpha: Floats) -> Image:
    """An alpha in 0..1 as 0..255."""
    return np.rint(alpha * 255).astype(np.uint8)
