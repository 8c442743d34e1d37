"""The 478 points of the face mesh: which of them outline the face, its lips and its eyes."""

from __future__ import annotations

from dataclasses import dataclass

POINTS = 478  # of the face mesh; the last ten are the irises
MILLIMETRES = 88.0  # one unit of the template: between the outer corners of the eyes

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
STABLE = (
    10, 67, 297, 109, 338, 151, 9, 8, 168, 6, 197, 195, 5, 4, 33, 133, 362, 263, 127, 356, 234, 454,
    21, 251, 54, 284, 103, 332, 162, 389, 93, 323, 129, 358, 50, 280, 117, 346, 118, 347,
)  # fmt: skip
CHEEKS = (50, 280, 205, 425, 117, 346)


@dataclass(frozen=True)
class Eye:
    """The mesh points of one eye; lids run from the outer corner to the inner one."""

    upper: tuple[int, ...]
    lower: tuple[int, ...]
    upper_fold: tuple[int, ...]  # pairs with `upper` without its corners
    lower_fold: tuple[int, ...]
    upper_brow: tuple[int, ...]
    iris: tuple[int, ...]  # the pupil, then four points on the rim


EYE_LEFT = Eye(
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
    (247, 30, 29, 27, 28, 56, 190),
    (25, 110, 24, 23, 22, 26, 112),
    (113, 225, 224, 223, 222, 221, 189),
    (468, 469, 470, 471, 472),
)
EYE_RIGHT = Eye(
    (263, 466, 388, 387, 386, 385, 384, 398, 362),
    (263, 249, 390, 373, 374, 380, 381, 382, 362),
    (467, 260, 259, 257, 258, 286, 414),
    (255, 339, 254, 253, 252, 256, 341),
    (342, 445, 444, 443, 442, 441, 413),
    (473, 474, 475, 476, 477),
)  # image-left and image-right
EYES = (EYE_LEFT, EYE_RIGHT)
