"""Alphas by a network that a person brings as an ONNX file: of MODNet's signature, or of RVM's.

MODNet's: one RGB picture (1, 3, h, w) in -1..1, its sides multiples of 32; one alpha (1, 1, h, w) in 0..1.
RVM's (robust video matting): `src` (1, 3, h, w) in 0..1, four states and `downsample_ratio`; `fgr`, `pha` and
the states for the next picture. It remembers a video's pictures, and gives the foreground's own colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from cfg.errors import ModelError
from ditto.arrays import Floats, Image
from ditto.picture.cutout.sizes import enlarged
from ditto.picture.enhancers.networks import check_numbers, onnx_file
from model_formats.backend import Backend, Shape, show
from model_formats.shared import SharedModels

MODNET_SIDE = 512  # pixels of the shorter side that such networks are made for
MODNET_STEP = 32  # pixels that sides are multiples of
MAX_NETWORK_SIDE = 1920  # pixels of the longer side of what a network is given
COARSE_SIDE = 512  # pixels of the longer side at which RVM looks at the whole picture
STATES = tuple(f"r{number}" for number in range(1, 5))
RVM_INPUTS = frozenset({"src", "downsample_ratio", *(f"{state}i" for state in STATES)})
RVM_OUTPUTS = frozenset({"fgr", "pha", *(f"{state}o" for state in STATES)})
RVM_PICTURES = {"src": 3, "fgr": 3, "pha": 1}  # and their channels
WHAT = "matting network"


@dataclass(frozen=True, slots=True, eq=False)
class Matte:
    """Alpha of a person in a picture, and their own colours where they are known."""

    alpha: Floats  # (h, w) 0..1
    foreground: Image | None = None  # (h, w, 3)


def matting_file(text: str) -> Path:
    """The file of a matting network. Raises ConfigError or MediaError where it is none."""
    return onnx_file(text, WHAT)


class AlphaNetwork:
    """A network that is shared by all streams; what it remembers of a video is in what `following` gives."""

    def __init__(self, network: Backend, name: str = "the file") -> None:
        """`name` is how an error calls it."""
        self._network = network
        self._recurrent = is_recurrent(network.inputs, network.outputs, name)

    @classmethod
    def opened(cls, text: str, models: SharedModels) -> AlphaNetwork:
        path = matting_file(text)
        return cls(models.open(path), str(path))

    def __call__(self, image: Image) -> Floats:
        """(h, w) 0..1 for a picture that stands alone."""
        return self.following()(image).alpha

    def following(self) -> AlphaStream:
        """For pictures of one video in order."""
        return RvmStream(self._network) if self._recurrent else ModnetStream(self._network)


class AlphaStream(Protocol):
    """Mattes of one video's pictures."""

    def __call__(self, image: Image, /) -> Matte: ...


class ModnetStream:
    """Each picture for itself."""

    def __init__(self, network: Backend) -> None:
        self._network = network

    def __call__(self, image: Image) -> Matte:
        ((name, shape),) = self._network.inputs.items()
        size = fixed_size(shape) or modnet_size(image)
        given = resized(image, size).astype(np.float32) / np.float32(127.5) - 1
        (found,) = self._network.run({name: given.transpose(2, 0, 1)[None]}).values()
        return Matte(alpha_of(np.asarray(found, np.float32), size, image))


class RvmStream:
    """Each picture with what is remembered of those before it."""

    def __init__(self, network: Backend) -> None:
        self._network = network
        self._states: dict[str, Floats] = {}
        self._size: tuple[int, int] | None = None  # of the pictures they are of

    def __call__(self, image: Image) -> Matte:
        longest = max(image.shape[:2])
        share = min(1.0, MAX_NETWORK_SIDE / longest)
        free = (max(1, round(image.shape[1] * share)), max(1, round(image.shape[0] * share)))
        size = fixed_size(self._network.inputs["src"]) or free
        if size != self._size:
            blank = np.zeros((1, 1, 1, 1), np.float32)
            self._states, self._size = dict.fromkeys(STATES, blank), size
        ratio = np.array([min(1.0, COARSE_SIDE / max(size))], np.float32)
        picture = (resized(image, size).astype(np.float32) / np.float32(255)).transpose(2, 0, 1)[None]
        feeds = {"src": picture, "downsample_ratio": ratio}
        found = self._network.run(feeds | {f"{state}i": array for state, array in self._states.items()})
        self._states = {state: np.asarray(found[f"{state}o"], np.float32) for state in STATES}
        colours, mask = (np.asarray(found[name], np.float32) for name in ("fgr", "pha"))
        alpha = alpha_of(mask, size, image)
        if colours.shape != (1, 3, size[1], size[0]):
            raise ModelError(
                f"the {WHAT} gave a foreground of {colours.shape}, not (1, 3, {size[1]}, {size[0]})"
            )
        check_numbers(colours, WHAT)
        levels = np.rint(np.clip(colours[0].transpose(1, 2, 0), 0, 1) * 255).astype(np.uint8)
        whole = resized(levels, (image.shape[1], image.shape[0]))
        return Matte(alpha, np.where(alpha[..., None] < 1, whole, image))


def is_recurrent(inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], name: str) -> bool:
    """Whether a network is of RVM's kind; ModelError where it is not of MODNet's either."""
    if inputs.keys() == RVM_INPUTS and outputs.keys() >= RVM_OUTPUTS:
        shapes = {**inputs, **outputs}
        if all(shows(shapes[name], channels) for name, channels in RVM_PICTURES.items()):
            return True
    elif len(inputs) == len(outputs) == 1:
        (taken,), (given,) = inputs.values(), outputs.values()
        sides = all(side is None or side % MODNET_STEP == 0 for side in taken[2:])
        if shows(taken, 3) and shows(given, 1) and sides:
            return False
    found = " and gives ".join(
        ", ".join(f"{n} {show(shape)}" for n, shape in side.items()) for side in (inputs, outputs)
    )
    raise ModelError(
        f"{name} takes {found}; a {WHAT} takes one (1, 3, height, width) picture, its sides multiples of "
        f"{MODNET_STEP}, and gives one (1, 1, height, width) alpha, as MODNet does, or takes "
        f"{', '.join(sorted(RVM_INPUTS))} and gives {', '.join(sorted(RVM_OUTPUTS))}, as RVM does"
    )


def shows(shape: Shape, channels: int) -> bool:
    """Whether a shape is that of one picture with so many channels."""
    return len(shape) == 4 and shape[0] in (1, None) and shape[1] in (channels, None)


def fixed_size(shape: Shape) -> tuple[int, int] | None:
    """(width, height) that a network was exported for; None where any will do."""
    height, width = shape[2:]
    return None if height is None or width is None else (width, height)


def modnet_size(image: Image) -> tuple[int, int]:
    """(width, height), multiples of 32, in which a picture is shown to a network of MODNet's kind."""
    height, width = image.shape[:2]
    share: float = min(MODNET_SIDE / min(height, width), MAX_NETWORK_SIDE / max(height, width))

    def side(length: int) -> int:
        return max(MODNET_STEP, round(length * share / MODNET_STEP) * MODNET_STEP)

    return side(width), side(height)


def resized(image: Image, size: tuple[int, int]) -> Image:
    """The picture in (width, height) `size`."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    smaller = size[0] * size[1] < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def alpha_of(found: Floats, size: tuple[int, int], image: Image) -> Floats:
    """(h, w) 0..1 at the picture's size of what a network gave for (width, height) `size`."""
    if found.shape != (1, 1, size[1], size[0]):
        raise ModelError(f"the {WHAT} gave an alpha of {found.shape}, not (1, 1, {size[1]}, {size[0]})")
    check_numbers(found, WHAT)
    alpha = np.clip(found[0, 0], 0, 1).astype(np.float32)
    whole = (image.shape[1], image.shape[0])
    return alpha if whole == size else np.clip(enlarged(alpha, whole), 0, 1).astype(np.float32)
