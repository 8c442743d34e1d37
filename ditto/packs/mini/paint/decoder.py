"""The mini pack's decoder: background behind the head, eyes, and the inside of the mouth."""

from __future__ import annotations

from ditto.arrays import Image
from ditto.faces.topology import EYES
from ditto.packs.mini.background.layers import Layers
from ditto.packs.mini.paint.composite import repainted
from ditto.packs.mini.paint.edge_smoothing import soften
from ditto.packs.mini.paint.eyes import EyeLayer, eye_layer, paint_eye
from ditto.packs.mini.paint.mouth import Details, details_of, mouth
from ditto.packs.mini.paint.warper import Moved
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.stages.messages import Pose


class MiniDecoder:
    """The whole frame with the picture moved, and over it what the source does not show."""

    def __init__(self) -> None:
        self._details: Details | None = None  # of the source frame last painted
        self._eyes: dict[int, EyeLayer | None] = {}  # of the same, once one of them has moved

    def __call__(self, pose: Pose[MiniAppearance], warped: Moved | None) -> Image | None:
        if warped is None:
            return None
        details = self._details
        if details is None or details.appearance is not warped.layers.appearance:
            details = self._details = details_of(warped.layers)
            self._eyes.clear()
        out = repainted(warped)
        soften(out, warped)
        for number, eye in enumerate(EYES):
            if warped.blink[number] or warped.gaze[number].any():
                layer = self._eye(warped.layers, number)
                if layer is not None:
                    paint_eye(out, eye, layer, warped, number)
        mouth(out, details, warped)
        return out

    def _eye(self, layers: Layers, number: int) -> EyeLayer | None:
        look = layers.appearance
        if number not in self._eyes:
            wide = look.eyes_open[number] > 0.13
            self._eyes[number] = eye_layer(layers.image, look, EYES[number]) if wide else None
        return self._eyes[number]
