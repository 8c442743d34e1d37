"""The named movements of the face in the official pack's implicit keypoints.

Which keypoint does what was found by trial by LivePortrait's authors and users; the offsets are those
their retargeting sliders use. Wrinkles, cheeks and a single brow have no keypoint of their own.
"""

from __future__ import annotations

from ditto.motion.face_movements import FaceRows, row_of

SMILE = {(20, 1): -0.010, (14, 1): -0.020, (17, 1): 0.0065, (17, 2): 0.003, (13, 1): -0.00275,
         (16, 1): -0.00275, (3, 1): -0.0035, (7, 1): -0.0035}  # fmt: skip
FROWN = {place: -0.3 * offset for place, offset in SMILE.items()}  # as far as the sliders go
BROWS_UP = {(1, 1): 0.015, (2, 1): -0.015}
BROWS_TOGETHER = {(1, 0): 0.015, (2, 0): -0.015}
BROWS_DOWN = {**BROWS_TOGETHER, (1, 1): -0.0045, (2, 1): 0.0045}
CLOSE_LEFT = {(11, 1): 0.020, (13, 1): -0.006}
CLOSE_RIGHT = {(15, 1): 0.020, (16, 1): -0.006}
CHEEK_LEFT = {(17, 0): 0.006, (17, 1): 0.006, (3, 1): -0.006}
CHEEK_RIGHT = {(17, 0): -0.006, (17, 1): 0.006, (7, 1): -0.006}  # the other's mirror image

MOVES = {
    "smile": (SMILE, FROWN),
    "brows": (BROWS_UP, BROWS_DOWN),
    "furrow": (BROWS_TOGETHER, {}),
    "wink_left": (CHEEK_LEFT, {}),
    "wink_right": (CHEEK_RIGHT, {}),
}
LIDS = {"blink": {**CLOSE_LEFT, **CLOSE_RIGHT}, "wink_left": CLOSE_LEFT, "wink_right": CLOSE_RIGHT}


def _places(offsets: dict[tuple[int, int], float]) -> dict[int, float]:
    return {keypoint * 3 + axis: offset for (keypoint, axis), offset in offsets.items()}


FACE = FaceRows(
    moves={name: (row_of(_places(more)), row_of(_places(less))) for name, (more, less) in MOVES.items()},
    lids={name: row_of(_places(lids)) for name, lids in LIDS.items()},
    lids_per_degree=row_of({}),  # the numbers of the gaze move the lids as well
    shut=(row_of(_places(CLOSE_LEFT)), row_of(_places(CLOSE_RIGHT))),
)
