"""Drawing: the record of a frame becomes its picture."""

from __future__ import annotations

from ditto.arrays import Image
from ditto.packs.mini.paint.composite import repainted
from ditto.packs.mini.paint.edge_smoothing import soften
from ditto.packs.mini.paint.eyes import draw_eye
from ditto.packs.mini.paint.mouth import draw_mouth
from ditto.packs.mini.paint.shift_map import ShiftMap
from ditto.packs.mini.placing.record import Placed
from ditto.packs.mini.source.appearance import MiniAppearance


def drawn(look: MiniAppearance, placed: Placed, where: ShiftMap) -> Image:
    """A new (H, W, 3) frame; `where` is the map of what is placed."""
    background = look.background if placed.uncovers else None
    out = repainted(look.image, look.opaque, background, look.head.wide_box[:2], where)
    if placed.hides:
        soften(out, look.head, placed.vertices, where)
    for number, eye in enumerate(placed.eyes):
        layer = None if eye is None else look.eyes[number]
        if eye is not None and layer is not None:
            draw_eye(out, eye, layer, look.head.box)
    draw_mouth(out, placed.mouth, look)
    return out
