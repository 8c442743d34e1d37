"""Draws a script over time: emotions as bands, gestures as bars, controls as curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cfg.settings import EMOTIONS
from ditto.arrays import Floats, Image
from ditto.motion.control_layers import GAZE_CONTROLS, Control, ControlRange, amount, neutral
from ditto.motion.gestures import Gesture
from ditto.motion.mood import NEUTRAL, mood_at
from ditto.motion.script import Script
from ditto.rates import FRAME_RATE

Colour = tuple[int, int, int]

WIDTH, LEFT, RIGHT = 1600, 190, 40  # pixels; the names stand at the left
PLOT = WIDTH - LEFT - RIGHT
HEADER_HEIGHT, FOOTER_HEIGHT, GAP = 84, 26, 16
BAND, LANE, CURVE = 52, 30, 74  # heights of an emotion band, a lane of gestures, a curve
PAPER, PANEL, LINE, INK, PALE = (
    (250, 250, 248),
    (255, 255, 255),
    (226, 227, 230),
    (38, 42, 51),
    (122, 128, 140),
)
EMOTION_COLOURS: tuple[Colour, ...] = (
    (214, 74, 66), (126, 142, 54), (132, 94, 178), (240, 178, 50),
    (206, 209, 214), (84, 128, 196), (44, 172, 168), (166, 116, 82),
)  # fmt: skip
CURVE_COLOURS: tuple[Colour, ...] = (
    (52, 110, 200),
    (206, 88, 62),
    (46, 150, 104),
    (142, 92, 180),
    (190, 134, 36),
)
BAR: Colour = (88, 122, 178)
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # seconds between marks
UNITS = {"delta_pitch": "degrees, down", "delta_yaw": "degrees, left", "delta_roll": "degrees, right",
         "gaze_yaw": "degrees, left", "gaze_pitch": "degrees, down"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Bar:
    start: float  # frames
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class _Curve:
    name: str
    values: Floats  # (PLOT,)
    rest: float


def timeline_picture(script: Script, seconds: float, title: str) -> Image:
    """(H, 1600, 3) RGB: what the script does in its first so many seconds."""
    moments = (np.arange(PLOT) + 0.5) / PLOT * seconds * FRAME_RATE
    asked = [script.at(float(frame)) for frame in moments]
    curves = _curves(asked)
    lanes = _lanes(_bars(script), seconds)
    mood = np.stack([_mood(script, float(frame)) for frame in moments]) if script.cues else None
    height = HEADER_HEIGHT + FOOTER_HEIGHT + len(curves) * (CURVE + GAP)
    height += (BAND + GAP if mood is not None else 0) + (len(lanes) * LANE + GAP if lanes else 0)
    page = np.full((max(height, HEADER_HEIGHT + FOOTER_HEIGHT + CURVE), WIDTH, 3), PAPER, np.uint8)
    _write(page, title, (LEFT, 32), 0.72, INK)
    described = f"{seconds:g} s, {round(seconds * FRAME_RATE)} motion frames"
    _write(page, described, (WIDTH - RIGHT, 32), 0.5, PALE, "right")
    top = HEADER_HEIGHT
    if mood is not None:
        _emotions(page, top, mood, script, seconds)
        top += BAND + GAP
    if lanes:
        _draw_bars(page, top, lanes, seconds)
        top += len(lanes) * LANE + GAP
    for number, curve in enumerate(curves):
        _draw(page, top, curve, CURVE_COLOURS[number % len(CURVE_COLOURS)], seconds)
        top += CURVE + GAP
    _axis(page, seconds)
    return page


def _mood(script: Script, frame: float) -> Floats:
    calm = np.zeros(len(EMOTIONS), np.float32)
    calm[NEUTRAL] = 1
    return mood_at(script.cues, frame, calm)


def _curves(asked: Sequence[dict[str, Control]]) -> list[_Curve]:
    """The controls that do something, in the order in which they are named first."""
    for values in asked:
        hold = amount(values, "gaze_hold", 1.0)
        values.pop("gaze_hold", None)
        values.update({name: amount(values, name) * hold for name in GAZE_CONTROLS[:2] if name in values})
    names = dict.fromkeys(name for values in asked for name in values)
    found = []
    for name in names:
        rest = neutral(name)
        column = [values.get(name, rest) for values in asked]
        if name == "fade_out_keys":
            continue
        row = np.array(
            [float(np.abs(value).max()) if np.ndim(value) else value for value in column], np.float32
        )
        if np.abs(row - rest).max() > 1e-6:
            found.append(_Curve(name, row, rest))
    return found


def _bars(script: Script) -> list[_Bar]:
    """Gestures, and what the eyes are to look at."""
    found = []
    for layer in script.layers:
        if isinstance(layer, Gesture):
            times = f" x {layer.times}" if layer.times > 1 else ""
            strength = "" if layer.strength == 1 else f" {layer.strength:g}"
            label = layer.name.replace("_", " ") + times + strength
            found.append(_Bar(layer.start, layer.end, label))
        elif isinstance(layer, ControlRange) and "gaze_yaw" in layer.controls:
            yaw, pitch = layer.controls["gaze_yaw"], layer.controls.get("gaze_pitch", 0.0)
            label = f"look {yaw:g}, {pitch:g}" if yaw or pitch else "look at the camera"
            found.append(_Bar(layer.start, layer.end, label))
    return found


def _lanes(bars: Sequence[_Bar], seconds: float) -> list[list[_Bar]]:
    """Bars in as few lanes as keep their labels apart."""
    lanes: list[list[_Bar]] = []
    for bar in sorted(bars, key=lambda bar: bar.start):
        if _x(bar.start, seconds) >= WIDTH - RIGHT:
            continue
        free = [lane for lane in lanes if _right(lane[-1], seconds) + 6 <= _x(bar.start, seconds)]
        if free:
            free[0].append(bar)
        else:
            lanes.append([bar])
    return lanes


def _x(frame: float, seconds: float) -> int:
    return LEFT + round(min(frame / FRAME_RATE / seconds, 1.0) * PLOT)


def _right(bar: _Bar, seconds: float) -> int:
    """End of it, or of the label that does not fit into it."""
    return max(_x(bar.end, seconds), _x(bar.start, seconds) + 16 + _wide(bar.label, 0.42))


def _emotions(page: Image, top: int, mood: Floats, script: Script, seconds: float) -> None:
    _panel(page, top, BAND, "emotion", "share of eight", seconds)
    band = page[top : top + BAND, LEFT : LEFT + PLOT]
    rows = (BAND - np.arange(BAND) - 0.5)[:, None] / BAND
    below = np.zeros(PLOT)
    for label, colour in enumerate(EMOTION_COLOURS):
        if label != NEUTRAL:
            filled = (rows >= below) & (rows < below + mood[:, label])
            band[filled] = (0.62 * np.array(colour) + 0.38 * band[filled]).astype(np.uint8)
            below = below + mood[:, label]
    last = 0
    for cue in script.cues:
        x = _x(cue.start, seconds)
        if x >= WIDTH - RIGHT:
            break
        cv2.line(page, (x, top), (x, top + BAND - 1), INK, 1)
        if x >= last:
            _write(page, cue.label, (x + 5, top + 16), 0.42, INK)
            last = x + 10 + _wide(cue.label, 0.42)


def _draw_bars(page: Image, top: int, lanes: Sequence[Sequence[_Bar]], seconds: float) -> None:
    _panel(page, top, len(lanes) * LANE, "gestures", "", seconds)
    for number, lane in enumerate(lanes):
        y = top + number * LANE
        for bar in lane:
            left = _x(bar.start, seconds)
            right = max(_x(bar.end, seconds), left + 3)
            pale = tuple(round(0.3 * c + 0.7 * 255) for c in BAR)
            cv2.rectangle(page, (left, y + 4), (right, y + LANE - 5), pale, -1)
            cv2.rectangle(page, (left, y + 4), (left + 2, y + LANE - 5), BAR, -1)
            _write(page, bar.label, (left + 8, y + LANE - 11), 0.42, INK)


def _draw(page: Image, top: int, curve: _Curve, colour: Colour, seconds: float) -> None:
    _panel(page, top, CURVE, curve.name, UNITS.get(curve.name, ""), seconds)
    low, high = min(float(curve.values.min()), curve.rest), max(float(curve.values.max()), curve.rest)
    inner = CURVE - 16

    def height(value: float) -> int:
        return top + 8 + round((high - value) / (high - low) * inner)

    line = np.array([(LEFT + n, height(float(value))) for n, value in enumerate(curve.values)], np.int32)
    rest = height(curve.rest)
    shade = page.copy()
    cv2.fillPoly(shade, [np.concatenate([[(LEFT, rest)], line, [(LEFT + PLOT - 1, rest)]])], colour)
    cv2.addWeighted(shade, 0.16, page, 0.84, 0, dst=page)
    cv2.line(page, (LEFT, rest), (LEFT + PLOT - 1, rest), PALE, 1)
    cv2.polylines(page, [line], False, colour, 2, cv2.LINE_AA)
    for value in (low, high):
        _write(page, f"{value:.3g}", (LEFT - 8, height(value) + 4), 0.38, PALE, "right")


def _panel(page: Image, top: int, height: int, name: str, unit: str, seconds: float) -> None:
    cv2.rectangle(page, (LEFT, top), (LEFT + PLOT - 1, top + height - 1), PANEL, -1)
    for at in _marks(seconds):
        x = _x(at * FRAME_RATE, seconds)
        cv2.line(page, (x, top), (x, top + height - 1), LINE, 1)
    cv2.rectangle(page, (LEFT - 1, top - 1), (LEFT + PLOT, top + height), LINE, 1)
    middle = top + height // 2
    _write(page, name, (18, middle + (-2 if unit else 5)), 0.48, INK)
    if unit:
        _write(page, unit, (18, middle + 16), 0.38, PALE)


def _marks(seconds: float) -> list[float]:
    step = next((step for step in STEPS if seconds / step <= 16), STEPS[-1])
    return [n * step for n in range(int(seconds / step + 1e-9) + 1)]


def _axis(page: Image, seconds: float) -> None:
    for at in _marks(seconds):
        minutes, rest = divmod(at, 60)
        text = f"{int(minutes)}:{rest:04.1f}" if seconds > 120 else f"{at:g} s"
        _write(page, text, (_x(at * FRAME_RATE, seconds), HEADER_HEIGHT - 14), 0.42, PALE, "middle")


def _wide(text: str, size: float) -> int:
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0])


def _write(
    page: Image, text: str, at: tuple[int, int], size: float, colour: Colour, side: str = "left"
) -> None:
    back = {"left": 0.0, "middle": 0.5, "right": 1.0}[side] * _wide(text, size)
    place = (round(at[0] - back), at[1])
    cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
