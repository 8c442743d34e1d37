"""Keyframes of head angles, spread evenly over a video and eased between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ANGLES = ("pitch", "yaw", "roll")


def eased(keys: Sequence[float], share: float) -> float:
    """The value at a share (0..1) of the way through keys that lie evenly; it rests at each of them."""
    if len(keys) == 1:
        return float(keys[0])
    place = min(max(share, 0.0), 1.0) * (len(keys) - 1)
    first = min(int(place), len(keys) - 2)
    between = place - first
    between = between * between * (3 - 2 * between)
    return float(keys[first] + (keys[first + 1] - keys[first]) * between)


class HeadTrack:
    """Controls by frame that turn the head as keyframes say."""

    def __init__(self, keys: Mapping[str, Sequence[float]], length: int) -> None:
        """Degrees away from the portrait by angle, over `length` frames."""
        self._keys = {angle: values for angle, values in keys.items() if values}
        self._last = max(length - 1, 1)

    def __call__(self, frame: float) -> dict[str, float]:
        return {f"delta_{angle}": eased(keys, frame / self._last) for angle, keys in self._keys.items()}
