"""Eye layers: eyeballs without their lids, and the skin of lids, inpainted from what a portrait shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.topology import EYES, Eye
from ditto.packs.mini.curves import around, closed_contour
from ditto.packs.mini.paint.shapes import covered
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.packs.mini.source.mouth_colours import LUMA
from ditto.smoothstep import smoothstep

MIN_OPENING = 0.13  # of its width below which an eye is shut and shows no ball
MIN_LASHES = 0.11  # of its width that an eye's lashes reach above its rim at least
MAX_LASHES = 0.32  # and at most: what is dark beyond is a shadow, or hair
MIN_DRAWN_OPENING = 0.44  # above which an eye is a drawing's, its lashes perhaps a thick line
LASH_MARGIN = 0.08  # of its width between an eye's rim and its own lashes, and from their end to bare skin
MAX_LASH_LIGHT = 0.33  # of the light on the skin below, in a line of lashes
MIN_SKIN_LIGHT = 0.45  # of it, beyond the line's end
MAX_DARK_LIGHT = 0.5  # of the light on the skin below, from which on nothing is darker than skin
MAX_PALE_SATURATION = 0.5  # of the skin's, of what has none of its colour
MIN_TELLING_SATURATION = 0.2  # of skin that can be told from glints and the brims of hats by it
SOCKET_REACH = 0.8  # of its width about an eye in which its socket is seen
SOCKET_SHADE = (0.85, 0.98)  # of the socket unlike the skin below: lashes and brow, or all of it in shade
LID_SHADE = 0.6  # of the socket's shade that a lid in it has


@dataclass(frozen=True, slots=True, eq=False)
class EyeLayer:
    """An eyeball without its lids, and the skin of a lid that hides it."""

    texture: Image  # (h, w, 3)
    skin: Image  # (h, w, 3)
    corner: tuple[int, int]  # x, y of its first pixel in the picture
    pupil: Floats  # (2,) in the picture
    radius: float  # of the iris, pixels
    lash: Floats  # (3,)
    lashes: float  # of its width that its lashes reach above its rim
    width: float  # pixels


def eye_layer(picture: Image, head: HeadGeometry, eye: Eye) -> EyeLayer | None:
    """The eyeball with the lids painted away, grown from what they leave to see; None of an eye too small."""
    if head.eyes_open[EYES.index(eye)] <= MIN_OPENING:
        return None
    points = head.points[:, :2]
    contour = closed_contour(points[list(eye.upper)], points[list(eye.lower)])
    width = float(np.linalg.norm(points[eye.upper[0]] - points[eye.upper[-1]]))
    box = around(contour, head.box, 0.55 * width)
    if box is None or width < 6:
        return None
    x0, y0, x1, y1 = box
    patch = np.ascontiguousarray(picture[y0:y1, x0:x1])
    mask = covered(contour, box, 0.5)
    seen = np.asarray(cv2.erode((mask > 0.75).astype(np.uint8), np.ones((2, 2), np.uint8)), np.uint8)
    if seen.sum() < 8:
        return None
    lids = widened(mask, width * 0.35) & (1 - seen)
    grown = grown_over(patch, lids)
    reach = MIN_LASHES
    if head.eyes_open[EYES.index(eye)] > MIN_DRAWN_OPENING:
        reach = lash_height(patch, points[list(eye.upper[1:-1])] - (x0, y0), -head.turn[:2, 1], width)
    lashes = widened(mask, width * reach * 2.4)
    unlike = unlike_skin(patch)
    middle = max(0, int(contour[:, 1].mean()) - y0)
    above = (widened(mask, width * SOCKET_REACH)[:middle] > 0) & (lashes[:middle] == 0)
    shaded = float(unlike[:middle][above].mean()) if above.any() else 0.0
    share = LID_SHADE * smoothstep(shaded, *SOCKET_SHADE)
    bare, dark = grown_over(patch, lashes | unlike), grown_over(patch, lashes)
    mixed = cv2.addWeighted(bare, 1 - share, dark, share, 0)
    skin = np.asarray(cv2.GaussianBlur(mixed, (0, 0), 0.06 * width), np.uint8)
    own = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), max(0.6, width * 0.01))[..., None]
    texture = np.clip(patch * own + grown * (1 - own), 0, 255).astype(np.uint8)
    rim = np.linalg.norm(points[list(eye.iris[1:])] - points[eye.iris[0]], axis=1)
    lids_edge = np.rint(points[list(eye.upper[1:-1])] - (x0, y0)).astype(int)
    line = np.clip(lids_edge, 0, (x1 - x0 - 1, y1 - y0 - 1))
    tones = np.concatenate([patch[np.maximum(line[:, 1] - up, 0), line[:, 0]] for up in range(3)])
    tones = tones[np.argsort(tones.sum(1))][: max(1, len(tones) // 3)].astype(np.float32)
    iris = points[eye.iris[0]], float(rim.mean())
    return EyeLayer(texture, skin, (x0, y0), *iris, tones.mean(0), reach, width)


def lash_height(patch: Image, rim: Floats, up: Floats, width: float) -> float:
    """Height of the lashes above an eye's (n, 2) upper rim, in the eye's widths."""
    grey = cv2.GaussianBlur(patch, (0, 0), 1.0).astype(np.float32) @ LUMA
    far, near = (
        np.arange(round((MAX_LASHES + LASH_MARGIN) * width) + 2, dtype=np.float32),
        max(1, round(LASH_MARGIN * width)),
    )
    where = (rim[:, None] + far[:, None] * up).astype(np.float32)
    skin = max(1.0, float(np.median(grey[len(patch) * 3 // 4 :])))
    light = np.asarray(grey / skin, np.float32)
    seen = cv2.remap(light, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    first = (seen < MAX_LASH_LIGHT).argmax(axis=1)
    ended = (seen >= MAX_LASH_LIGHT) & (far > first[:, None])
    end = np.minimum(ended.argmax(axis=1), len(far) - 1 - near)
    beyond = seen[np.arange(len(rim)), end + near]
    own = (
        (seen.min(axis=1) < MAX_LASH_LIGHT)
        & (first <= near)
        & (end < MAX_LASHES * width)
        & (beyond > MIN_SKIN_LIGHT)
    )
    return max(MIN_LASHES, float(np.median(end[own])) / width) if own.mean() > 0.4 else MIN_LASHES


def unlike_skin(patch: Image) -> Image:
    """(h, w) 1 where the patch of an eye is far darker than the skin below it, or has none of its colour."""
    bright = cv2.GaussianBlur(patch, (0, 0), 1.0).astype(np.float32)
    grey, strong = bright @ LUMA, bright.max(2)
    colour = (strong - bright.min(2)) / np.maximum(strong, 20)
    below = slice(len(patch) * 3 // 4, None)
    skin = float(np.median(colour[below]))
    pale = (colour < MAX_PALE_SATURATION * skin) & (skin > MIN_TELLING_SATURATION)
    off = (grey < MAX_DARK_LIGHT * np.median(grey[below])) | pale
    return widened(off.astype(np.float32), 0.06 * patch.shape[1])


def widened(mask: Floats, size: float) -> Image:
    """(h, w) 1 where a mask reaches to when grown by half so many pixels."""
    side = max(5, int(size)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate((mask > 0.02).astype(np.uint8), kernel), np.uint8)


def grown_over(patch: Image, gone: Image) -> Image:
    """(h, w, 3) a patch with part of it grown over from what is around.

    Found on a small copy: full resolution costs a second on a large face, and what is grown is smooth.
    """
    small = min(1.0, 90 / max(patch.shape[:2]))
    across, down = (max(small, 1 / side) for side in (patch.shape[1], patch.shape[0]))  # of a strip, a pixel
    shrunk = cv2.resize(patch, None, fx=across, fy=down, interpolation=cv2.INTER_AREA)
    hole = cv2.resize(gone, (shrunk.shape[1], shrunk.shape[0]), interpolation=cv2.INTER_NEAREST)
    grown = cv2.inpaint(shrunk, hole, 3, cv2.INPAINT_TELEA)
    whole = cv2.resize(grown, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(whole, np.uint8)
