"""Controls laid over each other: what is added, multiplied, or the stronger of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ditto.arrays import Floats
from ditto.motion.timeline import Curve, Envelope

LID_CONTROLS = ("blink", "wink_left", "wink_right")
GAZE_CONTROLS = ("gaze_yaw", "gaze_pitch", "gaze_hold")
Control = float | Floats | tuple[str, ...]  # a value, an array of them, or names of parts
Values = Mapping[str, Control]  # of controls that were checked, by name

MAX_CONTROL = 1e6  # what a control may be, so that many of them together stay finite


class Layer(Protocol):
    """Something a script asks for between two moments."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...

    def at(self, frame: float) -> Values: ...


def amount(controls: Values, name: str, usual: float = 0.0) -> float:
    """The value of a control that is one number."""
    value = controls.get(name, usual)
    assert not isinstance(value, tuple)
    return float(value)


def neutral(name: str) -> float:
    """The value of a control that changes nothing."""
    return 1.0 if name.startswith("alpha_") or name.endswith("_alpha") else 0.0


def laid(under: Values, over: Values) -> dict[str, Control]:
    """Two layers' controls as one: offsets add up, factors multiply, of shares the one counts that
    does more, and a later gaze is looked at for its share."""
    out = dict(under)
    for name, value in over.items():
        if name in GAZE_CONTROLS:
            continue
        before = out.get(name)
        if before is None or isinstance(before, tuple) or isinstance(value, tuple):
            out[name] = value
        elif name.startswith("alpha_"):
            out[name] = bounded(before * value)
        elif name.endswith("_alpha"):
            out[name] = min(float(before), float(value))
        elif name in LID_CONTROLS:
            out[name] = max(float(before), float(value))
        else:
            out[name] = bounded(before + value)
    if any(name in over for name in GAZE_CONTROLS):
        out.update(_gaze(under, over))
    return out


def bounded(value: float | Floats) -> float | Floats:
    """The number, or the numbers of an array, no farther from 0 than a control may be."""
    return (
        np.clip(value, -MAX_CONTROL, MAX_CONTROL)
        if isinstance(value, np.ndarray)
        else min(max(value, -MAX_CONTROL), MAX_CONTROL)
    )


def _gaze(under: Values, over: Values) -> dict[str, float]:
    near = amount(over, "gaze_hold", 1.0)
    before = amount(under, "gaze_hold", 1.0) if any(name in under for name in GAZE_CONTROLS) else 0.0
    hold = near + before * (1 - near)
    share = near / hold if hold > 0 else 1.0
    mixed = {
        name: amount(under, name) * (1 - share) + amount(over, name) * share for name in GAZE_CONTROLS[:2]
    }
    return {**mixed, "gaze_hold": hold}


@dataclass(frozen=True, slots=True)
class ControlCurve:
    """One control along a curve, before its first key and after its last too."""

    name: str
    curve: Curve
    start: float = 0.0
    end: float = float("inf")

    def at(self, frame: float) -> dict[str, float]:
        return {self.name: self.curve.at(frame)}


@dataclass(frozen=True, slots=True)
class ControlRange:
    """Controls that rise from nothing, hold, and go back."""

    controls: Values
    envelope: Envelope

    @property
    def start(self) -> float:
        return self.envelope.start

    @property
    def end(self) -> float:
        return self.envelope.end

    def at(self, frame: float) -> dict[str, Control]:
        level = self.envelope.at(frame)
        found: dict[str, Control] = {
            name: value
            if isinstance(value, tuple)
            else value * level
            if isinstance(value, np.ndarray)
            else neutral(name) + (value - neutral(name)) * level
            for name, value in self.controls.items()
            if name not in GAZE_CONTROLS
        }
        if any(name in self.controls for name in GAZE_CONTROLS):
            found |= {name: amount(self.controls, name) for name in GAZE_CONTROLS[:2]}
            found["gaze_hold"] = amount(self.controls, "gaze_hold", 1.0) * level
        return found


@dataclass(frozen=True, slots=True)
class Fades:
    """Motion that fades in and out; the parts are those of the fade begun last."""

    curve: Curve  # of fade_alpha
    parts: tuple[tuple[float, tuple[str, ...]], ...]  # from each moment on
    start: float = 0.0
    end: float = float("inf")

    def at(self, frame: float) -> dict[str, Control]:
        alpha = self.curve.at(frame)
        if alpha >= 1:
            return {}
        begun = [parts for start, parts in self.parts if start <= frame]
        return {"fade_alpha": alpha, "fade_out_keys": begun[-1] if begun else self.parts[0][1]}
