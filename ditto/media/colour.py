"""RGB and the colours of video: BT.709 in studio range, rounded so that nothing drifts darker."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from ditto.arrays import Image
from ditto.kernels import In, Kernel, Out

RED, GREEN, BLUE = 0.2126, 0.7152, 0.0722
_TO_CB, _TO_CR = 224 / 255 / (2 - 2 * BLUE), 224 / 255 / (2 - 2 * RED)
PLANES = (  # weights of red, green and blue, and what black is, for Y, Cb and Cr
    (RED * 219 / 255, GREEN * 219 / 255, BLUE * 219 / 255, 16),
    (-RED * _TO_CB, -GREEN * _TO_CB, (1 - BLUE) * _TO_CB, 128),
    ((1 - RED) * _TO_CR, -GREEN * _TO_CR, -BLUE * _TO_CR, 128),
)
BT2020 = 9  # as swscale counts matrices; PyAV has a name for it from 18 on, which needs Python 3.11
WEIGHTS = {  # of red and blue in the brightness, by matrix
    int(Colorspace.ITU709): (RED, BLUE),
    int(Colorspace.ITU601): (0.299, 0.114),
    int(Colorspace.FCC): (0.30, 0.11),
    int(Colorspace.SMPTE240M): (0.212, 0.087),
    BT2020: (0.2627, 0.0593),
}
ACCURATE_RND, FULL_CHR_H_INT = 0x40000, 0x2000  # flags of swscale, likewise
EXACT_FLAGS = int(Interpolation.BICUBIC) | ACCURATE_RND | FULL_CHR_H_INT
MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: BT2020,
    10: BT2020,
}

FRACTION_BITS = 16  # bits behind the point of a whole weight
_PLANE = (Out(np.uint8), int)
_to_planes = Kernel("to_planes", In(np.uint8), int, int, In(np.int32), *_PLANE, *_PLANE, *_PLANE)


@lru_cache(maxsize=1)
def whole_weights() -> npt.NDArray[np.int32]:
    """(3, 4) of PLANES in whole numbers, 1 << FRACTION_BITS for 1, with half of that for rounding."""
    weights: npt.NDArray[np.int32] = np.rint(np.array(PLANES) * 2**FRACTION_BITS).astype(np.int32)
    weights[:, 3] += 2 ** (FRACTION_BITS - 1)
    return weights


def to_video(image: Image) -> av.VideoFrame:
    """A picture of even width and height as yuv420p."""
    height, width = image.shape[:2]
    frame = av.VideoFrame(width, height, "yuv420p")
    planes = [(np.frombuffer(memoryview(plane), np.uint8), plane.line_size) for plane in frame.planes]
    assert image.shape[2] == 3 and height % 2 == width % 2 == 0
    _to_planes(np.ascontiguousarray(image), height, width, whole_weights(), *chain(*planes))
    frame.colorspace = int(Colorspace.ITU709)
    frame.color_range = int(ColorRange.MPEG)
    return frame


def to_transparent_video(image: Image, pixels: str) -> av.VideoFrame:
    """A picture (H, W, 4) of even width and height in a pixel format with an alpha plane."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgba").reformat(
        format=pixels,
        dst_colorspace=int(Colorspace.ITU709),
        src_color_range=int(ColorRange.JPEG),
        dst_color_range=int(ColorRange.MPEG),
        interpolation=EXACT_FLAGS,
    )
    frame.colorspace = int(Colorspace.ITU709)
    frame.color_range = int(ColorRange.MPEG)
    return frame


def tag(context: av.VideoCodecContext) -> None:
    """Says in the stream what `to_video` has done."""
    context.colorspace = int(Colorspace.ITU709)
    context.color_range = int(ColorRange.MPEG)
    context.color_primaries = int(ColorPrimaries.BT709)
    context.color_trc = int(ColorTrc.BT709)


def to_picture(frame: av.VideoFrame) -> Image:
    """(H, W, 3) RGB of a decoded frame, by the matrix it is tagged with; untagged, by its height."""
    name = frame.format.name
    if not name.startswith(("yuv", "nv", "p0")):
        return np.ascontiguousarray(frame.to_ndarray(format="rgb24"), np.uint8)
    usual = Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601
    matrix = int(MATRICES.get(frame.colorspace, usual))
    full = frame.color_range == ColorRange.JPEG or name.startswith("yuvj")
    if name in ("yuv420p", "yuvj420p") and frame.width % 2 == 0 and frame.height % 2 == 0:
        return _from_planes(frame, matrix, full)
    picture = frame.reformat(
        format="rgb24",
        src_colorspace=matrix,
        src_color_range=int(ColorRange.JPEG if full else ColorRange.MPEG),
        dst_color_range=int(ColorRange.JPEG),
        interpolation=EXACT_FLAGS,
    )
    return np.ascontiguousarray(picture.to_ndarray(), np.uint8)


def _from_planes(frame: av.VideoFrame, matrix: int, full: bool) -> Image:
    """The usual layout several times faster; colour lies where `to_video` puts it, between four pixels."""
    height, width = frame.height, frame.width
    planes = frame.to_ndarray()
    luma, chroma = planes[:height], planes[height:].reshape(2, height // 2, width // 2)
    blue, red = (cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in chroma)
    return np.asarray(cv2.transform(cv2.merge([luma, blue, red]), _to_rgb(matrix, full)), np.uint8)


@lru_cache(maxsize=16)
def _to_rgb(matrix: int, full: bool) -> npt.NDArray[np.float64]:
    """(3, 4) from brightness, blue and red difference to RGB."""
    red, blue = WEIGHTS[matrix]
    green = 1 - red - blue
    bright, colour, black = (1.0, 2.0, 0) if full else (255 / 219, 2 * 255 / 224, 16)
    turn = np.array(
        [
            [bright, 0, colour * (1 - red)],
            [bright, -colour * blue * (1 - blue) / green, -colour * red * (1 - red) / green],
            [bright, colour * (1 - blue), 0],
        ]
    )
    return np.column_stack([turn, -turn @ [black, 128, 128]])
