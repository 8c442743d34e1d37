"""Character that motion is generated for: the source's own, or that of `condition.override`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cfg.errors import ConfigError
from ditto.arrays import Floats
from ditto.source.avatar import AnySourceFrame


@dataclass(frozen=True, slots=True, eq=False)
class Character:
    """Measurements of a face that the motion model is told."""

    canonical: Floats  # 63 numbers of the face at rest
    eye_open: Floats  # (n, 2) opening of each lid, frame by frame
    eye_ball: Floats  # (n, 6) gaze
    scale: float | None = None  # head size of another's, which motion made for it is fitted from

    @classmethod
    def of(cls, first: AnySourceFrame, override: Mapping[str, object] | None) -> Character:
        """That of a source's first frame, and in its place what a user has measured elsewhere."""
        given = override or {}
        canonical, scale = first.motion.kp, None
        if "x_s_info_lst" in given:
            keypoints, size = _measured(given["x_s_info_lst"])
            canonical, scale = np.asarray(keypoints, np.float32), float(np.asarray(size).flat[0])
        return cls(
            canonical,
            _rows(given.get("eye_open_lst", [first.eye_open]), 2),
            _rows(given.get("eye_ball_lst", [first.eye_ball]), 6),
            scale,
        )


def _measured(listed: object) -> tuple[object, object]:
    """Keypoints and head size in the other source's first frame."""
    first = listed[0] if isinstance(listed, Sequence) and listed else None
    found = first if isinstance(first, Mapping) else {}
    missing = [name for name in ("kp", "scale") if name not in found]
    if missing:
        raise ConfigError(
            f"condition.override: the first of x_s_info_lst has no {' and no '.join(missing)}; "
            "it must map the names of a frame's motion to arrays, as the original's source registration does"
        )
    return found["kp"], found["scale"]


def _rows(listed: object, width: int) -> Floats:
    return np.asarray(listed, np.float32).reshape(-1, width)
