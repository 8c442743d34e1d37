"""The mini pack's warper: a pose becomes a mesh, the mesh a map, the map a moved picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ditto.messages import Floats, Image, Placement, Pose
from ditto.mini.language import FULL_BLINK, METRE, Exp
from ditto.mini.raster import add_grid, moving_part, raster_shift
from ditto.mini.register import Matte, MiniAppearance, ramp
from ditto.mini.template import (
    EYES,
    LINEAR,
    LOWER_INNER,
    MILLIMETRES,
    OVAL,
    UPPER_INNER,
    Ints,
    Template,
    default_template,
)
from ditto.motion.pose import rotation

FINEST = 448  # grid points along the longer side of the moving box
FILLED = 256  # pixels of the longer side the background is found at
UNVEILING = 0.3  # pixels the head travels before anything behind it is uncovered
LEAST_SHIFT = 0.01  # pixels; less leaves the source's own
LEAST_MOTION = 1e-7  # below it a pose is the source's own
SOFT_EDGE = 1.0  # grid points by which a part is blended into what it hides: no stairs
GRAIN = 512  # pixels after which the noise repeats
ROUGHEST = 6  # grey levels above which roughness is drawing, not grain
YAW_LIMIT, PITCH_LIMIT, ROLL_LIMIT = 22.0, 14.0, 25.0  # degrees away from a frontal source
UNCOVERING = 14.0  # degrees a turned head may turn back
REACH = 9.0  # millimetres over which skin follows the inner lips
LIMITS = {  # millimetres an expression number may move a face
    Exp.JAW: (-4.0, 28.0), Exp.LOW_LIP: (-12.0, 18.0), Exp.UP_LIP: (-10.0, 8.0), Exp.WIDTH: (-18.0, 16.0),
    Exp.CORNER: (-12.0, 12.0), Exp.PROTRUDE: (-9.0, 6.0), Exp.UP_THICK: (-5.0, 5.0),
    Exp.LOW_THICK: (-6.0, 6.0), Exp.BROW_IN: (-9.0, 7.0), Exp.BROW_OUT: (-9.0, 7.0),
    Exp.FURROW: (-6.0, 5.0), Exp.SNEER: (-6.0, 5.0), Exp.ASYM: (-6.0, 6.0), Exp.JAW_SIDE: (-9.0, 9.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """The moving box of one source frame."""

    appearance: MiniAppearance
    picture: Image  # (h, w, 3) the source in the box
    opaque: Image  # (h, w, 4) the same, all of it foreground: four channels are moved faster than three

    @classmethod
    def of(cls, image: Image, look: MiniAppearance) -> Layers:
        left, top, right, bottom = look.box
        picture = np.ascontiguousarray(image[top:bottom, left:right])
        return cls(look, picture, np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """What lies behind the head of one source frame."""

    layered: Image  # (h, w, 4) the moving box with its foreground
    plate: Image  # (h, w, 3) the background alone
    reach: Image  # (h, w) the foreground, a little widened

    @classmethod
    def of(cls, layers: Layers, matte: Matte) -> Background:
        """Found on a small copy: the mask's own network sees no more, and what is grown is smooth."""
        look, picture = layers.appearance, layers.picture
        size = (picture.shape[1], picture.shape[0])
        small = min(1.0, FILLED / max(size))
        shrunk, rough = picture, roughness(picture)
        if small < 1:
            less = (max(4, round(size[0] * small)), max(4, round(size[1] * small)))
            shrunk, rough = (
                np.asarray(cv2.resize(plane, less, interpolation=cv2.INTER_AREA), np.uint8)
                for plane in (picture, rough)
            )
        person = np.asarray(matte(shrunk), np.float32)
        face = np.zeros(shrunk.shape[:2], np.uint8)
        oval = (look.points[list(OVAL), :2] - look.box[:2]) * small
        cv2.fillConvexPoly(face, cv2.convexHull(oval.astype(np.int32)), 255)
        soft = np.asarray(cv2.GaussianBlur(face, (0, 0), max(0.5, 2 * small)), np.float32)
        person = np.maximum(person, soft / np.float32(255))
        widen = max(3, round(look.millimetre * 4 * small)) | 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (widen, widen))
        reach = cv2.GaussianBlur(cv2.dilate(np.clip(person * 2, 0, 1), kernel), (0, 0), max(0.5, 1.5 * small))
        hidden = np.asarray(cv2.dilate((person > 0.12).astype(np.uint8), kernel), np.uint8)
        grown = fill(np.dstack([shrunk, rough]), hidden)
        foreground, plate, wide = (
            np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.float32)
            for plane in (person, grown, reach)
        )
        repeats = (-(-size[1] // GRAIN), -(-size[0] // GRAIN))
        noise = np.tile(grain(GRAIN), repeats)[: size[1], : size[0]]
        plate = np.clip(plate[..., :3] + (noise * plate[..., 3])[..., None], 0, 255)
        alpha = np.clip((foreground - 0.25) * 2, 0, 1)
        return cls(
            np.dstack([picture, np.rint(alpha * 255).astype(np.uint8)]),
            np.rint(plate).astype(np.uint8),
            np.rint(np.clip(wide, 0, 1) * 255).astype(np.uint8),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A moved picture and what its mouth and eyes are painted from."""

    image: Image  # (h, w, 4) the part that moves, with its foreground
    region: tuple[int, int, int, int]  # left, top, right, bottom of that part in the moving box
    layers: Layers
    background: Background | None  # None while the head stays where it is
    placed: Floats  # (n, 2) mesh in pixels of the picture
    rigid: Floats  # (478, 3) the mesh moved by the head alone
    turn: Floats  # (3, 3) of the head away from the source, times its growth
    blink: tuple[float, float]  # share of each eye closed; negative is wider open
    gaze: Floats  # (2, 2) pixels each iris moves, before the head's turn
    gap: float  # millimetres
    jaw: float  # millimetres the lower teeth fall
    travel: float  # pixels the head's outline moves at most


def roughness(picture: Image) -> Image:
    """(h, w) grey levels by which each pixel stands out from those around it; 0 on edges."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    rough = np.asarray(cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 1.5)), np.uint8)
    return np.where(rough > ROUGHEST, 0, rough).astype(np.uint8)


@lru_cache(maxsize=2)
def grain(side: int) -> Floats:
    """(side, side) noise of mean size 1, the same every time; neighbouring pixels are a little alike."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((side, side), np.float32), (0, 0), 0.7)
    return np.asarray(noise / max(float(np.abs(noise).mean()), 1e-6), np.float32)


def fill(picture: Image, hidden: Image) -> Floats:
    """(h, w, c) the picture with its hidden part grown over from what is around it."""
    seen = (1 - hidden).astype(np.float32)
    levels: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = [
        (picture.astype(np.float32) * seen[..., None], seen)
    ]
    while min(levels[-1][1].shape) > 2:
        finer = levels[-1]
        levels.append((np.asarray(cv2.pyrDown(finer[0])), np.asarray(cv2.pyrDown(finer[1]))))
    colour, weight = levels[-1]
    grown = colour / np.maximum(weight, 1e-3)[..., None]
    for colour, weight in levels[-2::-1]:
        larger = cv2.resize(grown, (weight.shape[1], weight.shape[0]), interpolation=cv2.INTER_LINEAR)
        known = np.clip(weight * 4, 0, 1)[..., None]
        own = np.where(weight[..., None] > 1e-3, colour / np.maximum(weight, 1e-3)[..., None], 0)
        grown = own * known + larger * (1 - known)
    return np.asarray(np.clip(grown, 0, 255), np.float32)


def soft_limit(value: float, low: float, high: float) -> float:
    """`value` unchanged up to two thirds of a limit, then approaching it."""
    limit = high if value > 0 else -low
    knee = limit * 2 / 3
    size = abs(value)
    if size > knee:
        size = knee + (limit - knee) * float(np.tanh((size - knee) / (limit - knee)))
    return size if value > 0 else -size


class MiniWarper:
    """Moves the portrait; `None` for a pose that is the source's own."""

    def __init__(self, template: Template | None = None) -> None:
        self._template = template or default_template()
        self._follow = lip_followers(self._template)
        self._layers: Layers | None = None  # of the source frame last moved
        self._background: Background | None = None  # of the same, once its head has moved
        self._maps: tuple[Floats, Floats, Floats] | None = None
        self._full: tuple[Floats, Floats] | None = None

    def __call__(self, pose: Pose) -> Moved | None:
        if at_rest(pose):
            return None
        look: MiniAppearance = pose.source.appearance
        layers = self._layers
        if layers is None or layers.appearance is not look:
            layers = self._layers = Layers.of(pose.source.image, look)
            self._background = None
        delta = (pose.drive.expression - pose.rest.expression).reshape(63) / METRE
        target = max(0.0, float(pose.drive.expression.reshape(63)[Exp.GAP]) / METRE)
        blink, gaze = eye_motion(delta, look)
        displaced, gap, jaw = self.displace(look, delta, target)
        move_lids(displaced, look.face, blink)
        placed, depth, rigid, turn = place(look, displaced, pose.rest, pose.drive)
        travel = float(np.abs(rigid[list(OVAL), :2] - look.points[list(OVAL), :2]).max())
        background = None
        if look.matte is not None and travel > UNVEILING:
            background = self._background = self._background or Background.of(layers, look.matte)
        region = self._map(look, placed, depth)
        image = self._remap(layers.opaque if background is None else background.layered, region)
        return Moved(image, region, layers, background, placed, rigid, turn, blink, gaze, gap, jaw, travel)

    def displace(self, look: MiniAppearance, delta: Floats, target: float) -> tuple[Floats, float, float]:
        """(478, 3) template units the face is deformed by; the gap and the jaw's fall in millimetres."""
        moves = np.array([soft_limit(float(delta[n]), *LIMITS[n]) for n in LINEAR], np.float32)
        average = self._template.shape
        wide = float((look.face[291, 0] - look.face[61, 0]) / (average[291, 0] - average[61, 0]))
        width = LINEAR.index(Exp.WIDTH)
        if moves[width] < 0:  # a puckered smile keeps the smile's folds: narrow it less
            moves[width] /= 1 + 3 * max(0.0, wide - 1.05)
        displaced = np.tensordot(moves, self._template.basis, 1).astype(np.float32)
        upper, lower = list(UPPER_INNER), list(LOWER_INNER)
        face = look.face + displaced
        apart = (face[lower, 1] - face[upper, 1]) * MILLIMETRES
        middle = float(apart[5])
        if target < middle and middle > 0.5:
            wanted = apart * (target / middle)
        else:
            wanted = apart + (target - middle) * np.sin(np.linspace(0, np.pi, len(apart)))
        floor = np.minimum((look.face[lower, 1] - look.face[upper, 1]) * MILLIMETRES, 0.2)
        wanted = np.maximum(wanted, np.minimum(floor, 0.0) if target > 0.3 else np.minimum(floor, 0.2))
        wanted[[0, -1]] = apart[[0, -1]]
        change = ((wanted - apart) / MILLIMETRES).astype(np.float32)
        displaced[:, 1] += self._follow[0] @ (-0.35 * change) + self._follow[1] @ (0.65 * change)
        fall, chin = float(displaced[14, 1]) * MILLIMETRES, float(displaced[152, 1]) * MILLIMETRES
        jaw = max(0.0, min(1.5 * chin + 0.3 * max(fall - 7, 0), 0.95 * fall) + 0.25 * look.gap)
        return displaced, target, jaw

    def _map(self, look: MiniAppearance, placed: Floats, depth: Floats) -> tuple[int, int, int, int]:
        """The part of the moving box that moves; where each of its pixels comes from is in `_full`."""
        left, top, right, bottom = look.box
        width, height = right - left, bottom - top
        finest = max(1.0, max(width, height) / FINEST)
        grid = (int(np.ceil(height / finest)), int(np.ceil(width / finest)))
        step_x, step_y = width / grid[1], height / grid[0]
        if self._maps is None or self._maps[0].shape != grid:
            self._maps = (np.empty(grid, np.float32), np.empty(grid, np.float32), np.empty(grid, np.float32))
        if self._full is None or self._full[0].shape != (height, width):
            self._full = (np.empty((height, width), np.float32), np.empty((height, width), np.float32))
        shift_x, shift_y, nearest = self._maps
        shift_x.fill(0)
        shift_y.fill(0)
        source = np.concatenate([look.points[:, :2], look.outer])
        parts: tuple[tuple[Ints, bool], ...] = (
            (look.outer_triangles, True),
            (self._template.holes, False),
            (self._template.triangles, True),
        )
        for triangles, tested in parts:
            nearest.fill(1e9)
            raster_shift(
                placed, source, depth, triangles, shift_x, shift_y, nearest, tested,
                float(left), float(top), step_x, step_y,
            )  # fmt: skip
        # not between the lips: a blend of the upper and the lower one shows what lies between them
        lips = (placed[list(UPPER_INNER + LOWER_INNER)] - (left, top)) / (step_x, step_y)
        near = 3 + look.millimetre * 3 / finest
        x0, y0 = np.maximum(lips.min(0) - near, 0).astype(int)
        x1, y1 = np.maximum(lips.max(0) + near + 1, 0).astype(int)
        for shift in (shift_x, shift_y):
            kept = shift[y0:y1, x0:x1].copy()
            cv2.GaussianBlur(shift, (5, 5), SOFT_EDGE, dst=shift)
            shift[y0:y1, x0:x1] = kept
        first_x, first_y, end_x, end_y = moving_part(shift_x, shift_y, LEAST_SHIFT)
        # half a grid step more on each side: between grid points the shift is interpolated
        region = (
            max(0, int((first_x - 0.5) * step_x)),
            max(0, int((first_y - 0.5) * step_y)),
            min(width, int((end_x + 0.5) * step_x) + 1) if end_x else 0,
            min(height, int((end_y + 0.5) * step_y) + 1) if end_y else 0,
        )
        for shift, full in zip((shift_x, shift_y), self._full, strict=True):
            cv2.resize(shift, (width, height), dst=full, interpolation=cv2.INTER_LINEAR)
        add_grid(*self._full, *region)
        return region

    def _remap(self, picture: Image, region: tuple[int, int, int, int]) -> Image:
        x0, y0, x1, y1 = region
        if x1 <= x0 or y1 <= y0 or self._full is None:
            return np.empty((0, 0, picture.shape[2]), np.uint8)
        map_x, map_y = (full[y0:y1, x0:x1] for full in self._full)
        moved = cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)


def at_rest(pose: Pose) -> bool:
    """Whether nothing moves."""
    rest, drive = pose.rest, pose.drive
    angles = max(abs(drive.pitch - rest.pitch), abs(drive.yaw - rest.yaw), abs(drive.roll - rest.roll))
    shifts = float(np.abs(drive.translation - rest.translation).max())
    face = float(np.abs(drive.expression - rest.expression).max())
    return angles < 1e-4 and max(shifts, face, abs(drive.scale - rest.scale)) < LEAST_MOTION


def lip_followers(template: Template) -> tuple[Floats, Floats]:
    """(478, 11) twice: how far each point follows each upper, and each lower, inner lip point."""
    shape = template.shape[:, :2] * MILLIMETRES
    both = []
    seam = (shape[list(UPPER_INNER), 1] + shape[list(LOWER_INNER), 1]) / 2
    across = shape[list(UPPER_INNER), 0]
    line = np.interp(shape[:, 0], across, seam)
    for chain, sign in ((UPPER_INNER, -1), (LOWER_INNER, 1)):
        lips = shape[list(chain)]
        near = np.exp(-(((shape[:, None, 0] - lips[None, :, 0]) / 3.5) ** 2))
        near /= np.maximum(near.sum(1, keepdims=True), 0.5)
        far = sign * (shape[:, 1] - line)
        below = np.where(far > 0, np.exp(-((np.maximum(far - 1.5, 0) / REACH) ** 2)), 0)
        weights = near * below[:, None]
        for other in (UPPER_INNER, LOWER_INNER):
            weights[list(other)] = 0
        weights[list(chain)] = np.eye(len(chain))
        both.append(weights.astype(np.float32))
    return both[0], both[1]


def eye_motion(delta: Floats, look: MiniAppearance) -> tuple[tuple[float, float], Floats]:
    """Share of each eye closed, and (2, 2) pixels the irises move."""
    left, right = (
        float(np.clip(delta[n] / FULL_BLINK, -0.2, 1.0)) for n in (Exp.BLINK_LEFT, Exp.BLINK_RIGHT)
    )
    millimetres = np.array(
        [
            [delta[Exp.GAZE_X_LEFT], delta[Exp.GAZE_Y_LEFT]],
            [delta[Exp.GAZE_X_RIGHT], delta[Exp.GAZE_Y_RIGHT]],
        ],
        np.float32,
    )
    return (left, right), np.clip(millimetres, (-5, -2.5), (5, 2.5)) * np.float32(look.millimetre)


def move_lids(displaced: Floats, face: Floats, blink: tuple[float, float]) -> None:
    """Adds lids that close to a line low in the eye, and the skin around that follows them."""
    for eye, share in zip(EYES, blink, strict=True):
        if not share:
            continue
        upper, lower = list(eye.upper), list(eye.lower)
        open_upper, open_lower = (face + displaced)[upper], (face + displaced)[lower]
        meet = 0.18 * open_upper + 0.82 * open_lower
        down, up = share * (meet - open_upper), share * (meet - open_lower)
        displaced[upper] += down
        displaced[lower[1:-1]] += up[1:-1]
        displaced[list(eye.upper_fold)] += 0.55 * down[1:-1]
        displaced[list(eye.upper_brow)] += 0.12 * down[1:-1]
        displaced[list(eye.lower_fold)] += 0.40 * up[1:-1]


def place(
    look: MiniAppearance, displaced: Floats, rest: Placement, drive: Placement
) -> tuple[Floats, Floats, Floats, Floats]:
    """The mesh in the picture (n, 2), its depth (n,), the unexpressive face (478, 3), the head's turn."""
    towards_front = float(ramp(abs(look.yaw), 8.0, 25.0))
    low, high = -YAW_LIMIT, YAW_LIMIT
    narrowed = UNCOVERING * towards_front + YAW_LIMIT * (1 - towards_front)
    beyond = max(8.0, YAW_LIMIT - 0.7 * abs(look.yaw))
    low, high = (-narrowed, beyond) if look.yaw > 0 else (-beyond, narrowed)
    yaw = rest.yaw + soft_limit(drive.yaw - rest.yaw, low, high)
    pitch = rest.pitch + soft_limit(drive.pitch - rest.pitch, -PITCH_LIMIT, PITCH_LIMIT)
    roll = rest.roll + soft_limit(drive.roll - rest.roll, -ROLL_LIMIT, ROLL_LIMIT)
    angles = np.array([[rest.pitch, rest.yaw, rest.roll], [pitch, yaw, roll]])
    before, after = rotation(angles[:, 0], angles[:, 1], angles[:, 2])  # for row vectors
    growth = float(np.clip(drive.scale / rest.scale, 0.8, 1.25))
    turn = (after.T @ before * growth).astype(np.float32)
    shift = (drive.translation - rest.translation).reshape(3)[:2] / METRE * look.millimetre
    shift = np.clip(shift, -30 * look.millimetre, 30 * look.millimetre).astype(np.float32)
    expressed = displaced @ look.turn.T * look.scale

    def moved(points: Floats) -> Floats:
        result = (points - look.pivot) @ turn.T + look.pivot
        result[:, :2] += shift
        return np.asarray(result, np.float32)

    face = moved(look.points + expressed)
    oval = expressed[list(OVAL)]
    rings = len(look.outer) // len(OVAL)
    pulled = np.tile(oval, (rings, 1)) * look.outer_pull[:, None]
    outer = np.column_stack([look.outer, look.outer_depth]).astype(np.float32)
    carried = moved(outer + pulled)
    weight = look.outer_weight
    around = look.outer + pulled[:, :2] * (1 - weight) + weight * (carried[:, :2] - look.outer)
    placed = np.concatenate([face[:, :2], around]).astype(np.float32)
    depth = np.concatenate([face[:, 2], carried[:, 2]]).astype(np.float32)
    return placed, depth, moved(look.points), turn
