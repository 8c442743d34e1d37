"""Reads portraits as upright RGB, whatever the format, at a size that fits."""

from __future__ import annotations

import struct
import warnings
import zlib
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from cfg.errors import MediaError
from cfg.install_hints import installing
from ditto.arrays import Image, Numbers
from ditto.media.file_signatures import is_heic
from ditto.media.files import existing, first_line

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF")
MAX_PIXELS = 80_000_000  # checked before anything is decoded
MAX_MOVING_PIXELS = 36_000_000  # pixels of a moving picture: 8K, of which a decoder keeps several frames
MIN_SIDE = 16  # pixels a side
STRIP_PIXELS = 1 << 20  # pixels that are converted at once
COLOUR_BEHIND = (255, 255, 255)  # what shows through a transparent picture
READ_ERRORS = (  # what Pillow's readers raise over a file that is not as they thought
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_picture(path: str | Path, max_size: int | None = None) -> Image:
    """(H, W, 3) RGB, upright as a viewer shows it, its longest side at most `max_size` pixels."""
    path = existing(path, "picture")
    with open_picture(path) as picture:
        _check_size(path, *picture.size)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                picture.load()
                ImageOps.exif_transpose(picture, in_place=True)
                image = in_rgb(picture)
        except (*READ_ERRORS, Pillow.DecompressionBombError, MemoryError) as error:
            raise MediaError(
                f"{path}: the picture is damaged ({first_line(error)}); export or download it again"
            ) from error
    return image if max_size is None else fitted(image, max_size)


def is_picture(path: str | Path) -> bool:
    """Whether the file is a still picture; a moving GIF or WebP is not."""
    path = existing(path, "source")
    if is_heic(path):
        return True
    try:
        with open_picture(path) as picture:
            moving = getattr(picture, "is_animated", False) and picture.format in (
                "GIF",
                "WEBP",
                "PNG",
                "AVIF",
            )
            return not moving
    except (MediaError, *READ_ERRORS):
        return False


def fitted(image: Image, max_size: int) -> Image:
    """The picture, made smaller where its longest side is more than `max_size` pixels."""
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= max_size:
        return image
    size = (max(1, round(width * max_size / longest)), max(1, round(height * max_size / longest)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def open_picture(path: Path) -> Pillow.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Pillow.preinit()  # the usual formats; else all of them are loaded to rule some out
            return Pillow.open(path, formats=(*FORMATS, *heic_reader(path)))
    except Pillow.DecompressionBombError as error:
        raise MediaError(
            f"{path}: the picture is larger than {MAX_PIXELS // 1_000_000} million pixels; "
            "make it smaller first"
        ) from error
    except READ_ERRORS as error:
        raise MediaError(
            f"{path}: not a picture this program reads ({first_line(error)}); give JPEG, PNG or WebP"
        ) from error


def heic_reader(path: Path) -> tuple[str, ...]:
    """The format's name where the file is a HEIC photo; says what is missing where that cannot be read."""
    if not is_heic(path):
        return ()
    try:
        heif = import_module("pi_heif")
    except ImportError as error:
        raise MediaError(
            f"{path}: reading HEIC photos needs pi-heif: {installing('heic')}; or export it as JPEG"
        ) from error
    heif.register_heif_opener(thumbnails=False)
    return ("HEIF",)


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{path}: {width} x {height} is larger than {MAX_PIXELS // 1_000_000} million pixels; "
            "make it smaller first"
        )
    if min(width, height) < MIN_SIDE:
        raise MediaError(f"{path}: {width} x {height} pixels, but at least {MIN_SIDE} a side are needed")


def in_rgb(picture: Pillow.Image) -> Image:
    """(H, W, 3), converted strip by strip: the ways there are several times as large as the picture."""
    width, height = picture.size
    rows = max(1, STRIP_PIXELS // max(1, width))
    strips = [(0, top, width, min(top + rows, height)) for top in range(0, height, rows)]
    brightest = 0.0
    if picture.mode.startswith(("I", "F")):
        brightest = max((_numbers(picture.crop(box)).max(initial=0.0) for box in strips), default=0.0)
    image = np.empty((height, width, 3), np.uint8)
    for box in strips:
        image[box[1] : box[3]] = _strip_in_rgb(picture.crop(box), brightest)
    return image


def _strip_in_rgb(strip: Pillow.Image, brightest: float) -> Image:
    """Whole numbers of more than 8 bits, or floats, are scaled by the brightest one of the picture."""
    if strip.mode.startswith("I"):
        most = 65535 if brightest > 255 or strip.mode != "I" else 255
        return _grey(_numbers(strip) * 255 / most)
    if strip.mode == "F":
        return _grey(_numbers(strip) * np.float32(255.0 if brightest <= 1 else 1.0))
    if strip.has_transparency_data:
        layer = strip.convert("RGBA")
        ground = Pillow.new("RGBA", layer.size, (*COLOUR_BEHIND, 255))
        return np.array(Pillow.alpha_composite(ground, layer).convert("RGB"), np.uint8)
    return np.array(strip.convert("RGB"), np.uint8)


def _numbers(picture: Pillow.Image) -> Numbers:
    numbers = np.asarray(picture)
    return np.nan_to_num(numbers, nan=0.0) if picture.mode == "F" else numbers.astype(np.float64)


def _grey(levels: Numbers) -> Image:
    return np.repeat(np.clip(levels + 0.5, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
