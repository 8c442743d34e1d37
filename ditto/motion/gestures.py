"""Gestures by name: what the head and the face do in them, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cfg.errors import ConfigError, did_you_mean
from ditto.motion.timeline import Curve, Envelope, Key
from ditto.rates import FRAME_RATE

MAX_STRENGTH = 2.0
MAX_GESTURE_FRAMES = 60 * FRAME_RATE  # frames
MIN_GESTURE_FRAMES = 2  # frames
MAX_TIMES = 20


@dataclass(frozen=True, slots=True)
class Shape:
    """A gesture at its usual length and full strength; controls count from what leaves all as it is.

    `moves` are stretched with the gesture. What is `held` rises and falls as quickly as ever, and
    is held for longer.
    """

    length: float  # frames
    moves: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)  # (share of it, value)
    held: Mapping[str, float] = field(default_factory=dict)
    rise: float = 5.0  # frames
    fall: float = 6.0


def _glance(held: Mapping[str, float]) -> Shape:
    """The eyes are there at once; `gaze_hold` is their share of the way, the head follows a little."""
    return Shape(30, held={"gaze_hold": 1.0, "gaze_yaw": 0.0, "gaze_pitch": 0.0, **held}, rise=3, fall=4)


_DOWN = ((0.0, 0.0), (0.12, -1.2), (0.42, 10.0), (0.78, -1.5), (1.0, 0.0))
_SIDES = ((0.0, 0.0), (0.17, 8.0), (0.42, -9.0), (0.65, 7.0), (0.85, -3.0), (1.0, 0.0))
_SHUT = ((0.0, 0.0), (0.22, 1.0), (0.62, 1.0), (1.0, 0.0))
_BLINK = ((0.0, 0.0), (0.34, 1.0), (0.5, 1.0), (1.0, 0.0))

# left and right are those of the picture
GESTURES: Mapping[str, Shape] = {
    "nod": Shape(15, moves={"delta_pitch": _DOWN}),
    "shake": Shape(28, moves={"delta_yaw": _SIDES}),
    "tilt_left": Shape(40, held={"delta_roll": -8.0}, rise=9, fall=11),
    "tilt_right": Shape(40, held={"delta_roll": 8.0}, rise=9, fall=11),
    "turn_left": Shape(40, held={"delta_yaw": 12.0}, rise=8, fall=10),
    "turn_right": Shape(40, held={"delta_yaw": -12.0}, rise=8, fall=10),
    "lean_in": Shape(50, held={"alpha_scale": 0.08, "delta_pitch": 2.0}, rise=11, fall=13),
    "lean_back": Shape(50, held={"alpha_scale": -0.06, "delta_pitch": -2.0}, rise=11, fall=13),
    "look_left": _glance({"gaze_yaw": 18.0, "delta_yaw": 2.0}),
    "look_right": _glance({"gaze_yaw": -18.0, "delta_yaw": -2.0}),
    "look_up": _glance({"gaze_pitch": -9.0, "delta_pitch": -1.5, "brows": 0.25}),
    "look_down": _glance({"gaze_pitch": 9.0, "delta_pitch": 1.5}),
    "blink": Shape(6, moves={"blink": _BLINK}),
    "wink_left": Shape(12, moves={"wink_left": _SHUT}),
    "wink_right": Shape(12, moves={"wink_right": _SHUT}),
    "smile": Shape(50, held={"smile": 0.8}, rise=10, fall=12),
    "frown": Shape(45, held={"smile": -1.0, "furrow": 0.9, "brows": -0.35}, rise=9, fall=11),
    "raise_brows": Shape(22, held={"brows": 0.9}, rise=4, fall=8),
}
ALIASES = {"tilt": "tilt_right", "turn": "turn_left", "wink": "wink_left", "lean": "lean_in"}


def gesture_named(name: object) -> str:
    """One of GESTURES, from its name in any case, with spaces or hyphens."""
    said = str(name).strip().lower().replace(" ", "_").replace("-", "_")
    known = ALIASES.get(said, said)
    if known not in GESTURES:
        raise ConfigError(f"'{name}' is not a gesture{did_you_mean(said, GESTURES)}")
    return known


def strong(strength: float) -> float:
    if not 0 < strength <= MAX_STRENGTH:
        raise ConfigError(f"the strength is {strength:g}, but must be above 0, up to {MAX_STRENGTH:g}")
    return strength


def often(times: float) -> int:
    if times not in range(1, MAX_TIMES + 1):
        raise ConfigError(f"the number of times is {times:g}, but must be from 1 to {MAX_TIMES}")
    return int(times)


@dataclass(frozen=True, slots=True)
class Gesture:
    """A gesture in a stream."""

    name: str  # of GESTURES
    start: float  # frames
    length: float  # frames, of one time
    strength: float = 1.0
    times: int = 1

    @classmethod
    def of(
        cls,
        name: object,
        start: float,
        *,
        strength: float = 1.0,
        length: float | None = None,  # frames, of one time; None is the gesture's own
        times: float = 1,
    ) -> Gesture:
        known = gesture_named(name)
        length = GESTURES[known].length if length is None else length
        if not MIN_GESTURE_FRAMES <= length <= MAX_GESTURE_FRAMES:
            raise ConfigError(
                f"{known} would last {length:g} frames, but from {MIN_GESTURE_FRAMES} to "
                f"{MAX_GESTURE_FRAMES} are possible"
            )
        return cls(known, start, length, strong(strength), often(times))

    @property
    def end(self) -> float:
        return self.start + self.length * self.times

    def at(self, frame: float) -> dict[str, float]:
        """The controls of frame `frame`."""
        if not self.start <= frame < self.end:
            return {}
        shape = GESTURES[self.name]
        age = (frame - self.start) % self.length
        level = Envelope.fitting(0.0, self.length, shape.rise, shape.fall).at(age)
        found = {name: peak * level for name, peak in shape.held.items()}
        for name, keys in shape.moves.items():
            found[name] = Curve(tuple(Key(share, value) for share, value in keys)).at(age / self.length)
        return {name: self._strong(name, value, shape) for name, value in found.items()}

    def _strong(self, name: str, value: float, shape: Shape) -> float:
        if name == "gaze_hold":
            return value
        if name in ("gaze_yaw", "gaze_pitch"):  # the target stays where it is; `gaze_hold` leads to it
            return shape.held[name] * self.strength
        return (1.0 if name.startswith("alpha_") else 0.0) + value * self.strength
