"""Avatar file: a registered portrait of the built-in pack, whole, as arrays and numbers.

An npz of arrays that are not compressed. `about` is JSON text in bytes: format, version, pack, and the
numbers that are no arrays. The other names are those of the fields they fill, such as `head.rings.depth`,
`background.plate` and `eyes.0.texture`; what an avatar lacks, a shut eye say, has no entry. A reader takes
its own version only, checks every size, and runs nothing.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cfg.atomic_write import write_whole
from cfg.errors import MediaError
from ditto.arrays import Floats, Image
from ditto.faces.topology import OVAL, POINTS
from ditto.motion.vector import WIDTHS
from ditto.packs.mini.background.layers import TILE, Background
from ditto.packs.mini.curves import Box
from ditto.packs.mini.source.appearance import MiniAppearance, PortraitAppearance
from ditto.packs.mini.source.contour import Contour
from ditto.packs.mini.source.eye_layer import EyeLayer
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.packs.mini.source.head_mesh import RING_RADII, Rings
from ditto.packs.mini.source.mouth_details import MouthDetails
from ditto.packs.mini.source.template import Ints
from ditto.source.array_file import AnyArray, read_arrays, write_arrays
from ditto.source.avatar import SourceFrame
from ditto.source.frame_arrays import MOTION, WARNINGS, frame_arrays, frame_of

FORMAT = {"format": "ditto avatar", "version": 1, "pack": "mini"}
ABOUT = "about"
MAX_NUMBER = 1e6  # pixels, degrees or millimetres: no portrait has more
MAX_SKEW = 1e-3  # of a rotation: rounding gives a thousandth of it
MAX_TEXT = 1 << 16  # bytes of the header


def save_avatar(path: Path, frame: SourceFrame[MiniAppearance]) -> None:
    """Writes a registered portrait; the file is whole or not there."""
    look = frame.look
    if not isinstance(look, PortraitAppearance) or look.image is not frame.image:
        raise MediaError(f"{path}: only a portrait as it was registered can be written, no video's frame")
    numbers: dict[str, object] = {}
    arrays = {"image": frame.image, **frame_arrays(frame)}
    for field in dataclasses.fields(look):
        if field.name != "image":
            flatten(field.name, getattr(look, field.name), arrays, numbers)
    about = json.dumps({**FORMAT, "numbers": numbers}, allow_nan=False)
    file = io.BytesIO()
    write_arrays(file, {ABOUT: np.frombuffer(about.encode(), np.uint8), **arrays})
    write_whole(path, file.getvalue())


def load_avatar(path: Path) -> SourceFrame[PortraitAppearance]:
    """The portrait as it was registered, painting the same frames. MediaError tells what a file lacks."""
    arrays = read_arrays(path)
    try:
        about = json.loads(arrays.pop(ABOUT)[:MAX_TEXT].tobytes())
        said = {name: about[name] for name in FORMAT}
        if said != FORMAT:
            raise MediaError(f"{path}: is {said}, but this version reads {FORMAT}; write the portrait again")
        return Reader(arrays, about["numbers"]).frame()
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise MediaError(f"{path}: is no avatar, or damaged ({missing}); write the portrait again") from error


def flatten(name: str, value: object, arrays: dict[str, AnyArray], numbers: dict[str, object]) -> None:
    """Files what a name stands for, and all that is in it, as arrays and numbers."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            flatten(f"{name}.{field.name}", getattr(value, field.name), arrays, numbers)
    elif isinstance(value, tuple) and not all(isinstance(part, int | float) for part in value):
        for number, part in enumerate(value):
            flatten(f"{name}.{number}", part, arrays, numbers)
    elif value is not None:
        numbers[name] = value


class Reader:
    """Parts of an avatar by name, each of the type and size that painting relies on."""

    def __init__(self, arrays: Mapping[str, AnyArray], numbers: Mapping[str, object]) -> None:
        self._arrays = arrays
        self._numbers = dict(numbers)

    def frame(self) -> SourceFrame[PortraitAppearance]:
        image = self._picture("image", None, None, 3)
        look = self._look(image)
        measured = {
            "landmarks": self._floats("landmarks", POINTS, 3),
            "eye_open": self._floats("eye_open", 2),
            "eye_ball": self._floats("eye_ball", 6),
            "to_frame": self._floats("to_frame", 3, 3),
            **{MOTION + name: self._floats(MOTION + name, 1, width) for name, width in WIDTHS.items()},
        }
        warnings = self._arrays[WARNINGS]
        if warnings.ndim != 1 or warnings.dtype.kind != "U":
            raise ValueError("its warnings are no text")
        return frame_of({**measured, WARNINGS: warnings}, image, look)

    def _look(self, image: Image) -> PortraitAppearance:
        head = self._head((image.shape[1], image.shape[0]))
        left, top, right, bottom = head.wide_box
        size = (bottom - top, right - left)
        return PortraitAppearance(
            image=image,
            head=head,
            freedom=self._number("freedom"),
            opaque=self._picture("opaque", *size, 4),
            background=self._background(size) if "background.plate" in self._arrays else None,
            eyes=(self._eye("eyes.0"), self._eye("eyes.1")),
            mouth=MouthDetails(
                self._floats("mouth.colours", 6, 3),
                self._floats("mouth.own_mouth", None, None),
                self._whole("mouth.own_corner", 2),
            ),
        )

    def _head(self, size: tuple[int, int]) -> HeadGeometry:
        eyes = self._numbers["head.eyes_open"]
        left_eye, right_eye = (checked("head.eyes_open", eye) for eye in listed(eyes, 2))
        return HeadGeometry(
            points=self._floats("head.points", POINTS, 3),
            face=self._floats("head.face", POINTS, 3),
            scale=self._positive("head.scale"),
            turn=self._rotation("head.turn"),
            pivot=self._floats("head.pivot", 3),
            rings=self._rings(size),
            contour=Contour(
                self._floats("head.contour.beyond", len(OVAL)),
                self._edges(),
                self._floats("head.contour.within", POINTS, 2),
                self._floats("head.contour.across", 2),
            ),
            gap=self._number("head.gap"),
            eyes_open=(left_eye, right_eye),
            pitch=self._number("head.pitch"),
            yaw=self._number("head.yaw"),
            roll=self._number("head.roll"),
        )

    def _rings(self, size: tuple[int, int]) -> Rings:
        box, wide = self._box("head.rings.box"), self._box("head.rings.wide_box")
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]
        around = wide[0] <= box[0] and wide[1] <= box[1] and wide[2] >= box[2] and wide[3] >= box[3]
        if not inside or not around:
            raise ValueError("its boxes lie outside the picture")
        count = len(RING_RADII) * len(OVAL)
        depth, weight, pull = (self._floats(f"head.rings.{n}", count) for n in ("depth", "weight", "pull"))
        return Rings(self._floats("head.rings.points", count, 2), depth, weight, pull, box, wide)

    def _edges(self) -> Ints:
        edges = self._array("head.contour.edges", "int32", None, 2)
        if edges.size and (edges.min() < 0 or edges.max() >= POINTS):
            raise ValueError("head.contour.edges names points that no face has")
        return edges

    def _background(self, size: tuple[int, int]) -> Background:
        tiles = (-(-size[0] // TILE), -(-size[1] // TILE))
        return Background(
            self._picture("background.layered", *size, 4),
            self._picture("background.plate", *size, 4),
            self._picture("background.solid", *tiles),
            self._picture("background.bare", *tiles),
        )

    def _eye(self, name: str) -> EyeLayer | None:
        if f"{name}.texture" not in self._arrays:
            return None
        texture = self._picture(f"{name}.texture", None, None, 3)
        return EyeLayer(
            texture,
            self._picture(f"{name}.skin", *texture.shape),
            self._whole(f"{name}.corner", 2),
            self._floats(f"{name}.pupil", 2),
            self._positive(f"{name}.radius"),
            self._floats(f"{name}.lash", 3),
            self._number(f"{name}.lashes"),
            self._positive(f"{name}.width"),
        )

    def _array(self, name: str, kind: str, *shape: int | None) -> AnyArray:
        array = self._arrays[name]
        fits = array.ndim == len(shape) and all(
            wanted is None or side == wanted for side, wanted in zip(array.shape, shape, strict=True)
        )
        if array.dtype != kind or not fits:
            shown = ", ".join("any" if side is None else str(side) for side in shape)
            raise ValueError(f"{name} is {array.dtype}{array.shape}, not {kind}({shown})")
        return array

    def _floats(self, name: str, *shape: int | None) -> Floats:
        array = self._array(name, "float32", *shape)
        if not (np.abs(array) <= MAX_NUMBER).all():  # nor NaN
            raise ValueError(f"{name} holds numbers that no face has")
        return array

    def _rotation(self, name: str) -> Floats:
        turn = self._floats(name, 3, 3)
        if np.abs(turn @ turn.T - np.eye(3)).max() > MAX_SKEW:
            raise ValueError(f"{name} is no rotation")
        return turn

    def _picture(self, name: str, *shape: int | None) -> Image:
        array = np.ascontiguousarray(self._array(name, "uint8", *shape))
        if 0 in array.shape or (len(shape) == 3 and min(array.shape[:2]) < 2):
            raise ValueError(f"{name} is empty")
        return array

    def _number(self, name: str) -> float:
        return checked(name, self._numbers[name])

    def _positive(self, name: str) -> float:
        number = self._number(name)
        if number < 1 / MAX_NUMBER:
            raise ValueError(f"{name} is {number}")
        return number

    def _box(self, name: str) -> Box:
        left, top, right, bottom = self._integers(name, 4)
        if right - left < 2 or bottom - top < 2:
            raise ValueError(f"{name} is empty")
        return left, top, right, bottom

    def _whole(self, name: str, count: int) -> tuple[int, int]:
        x, y = self._integers(name, count)
        return x, y

    def _integers(self, name: str, count: int) -> list[int]:
        numbers = listed(self._numbers[name], count)
        if not all(type(number) is int and abs(number) <= MAX_NUMBER for number in numbers):
            raise ValueError(f"{name} is {numbers}, no whole numbers")
        return [int(checked(name, number)) for number in numbers]


def listed(value: object, count: int) -> list[object]:
    """A list of so many entries."""
    if not isinstance(value, list) or len(value) != count:
        raise ValueError(f"{value!r:.60} is no list of {count}")
    return value


def checked(name: str, value: object) -> float:
    """A number that a portrait may have."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_NUMBER:
        raise ValueError(f"{name} is {value!r:.60}")
    return value
