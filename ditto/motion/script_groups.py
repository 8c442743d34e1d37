"""Checks and compiles the groups of a script file; each error names its line and its key."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from cfg.argument_checks import word_of
from cfg.errors import ConfigError, did_you_mean
from cfg.yaml_lines import Located
from ditto.motion.control_layers import Control, ControlCurve, ControlRange, Fades, Layer, amount
from ditto.motion.controls import ARRAYS, NAMES, checked, number, parts_named
from ditto.motion.emotion import emotion_rows
from ditto.motion.gestures import Gesture, gesture_named, often, strong
from ditto.motion.mood import MOOD_FRAMES, NEUTRAL, USUAL, Cue, weakened
from ditto.motion.script_entries import SPAN, controls_of, entries
from ditto.motion.timeline import Curve, Envelope, Key, moment

MAX_ENTRIES = 2000  # layers: each costs a little in every frame
FADED_PARTS = ("pitch", "yaw", "roll", "t", "scale", "exp")
RISE_FRAMES = 5.0  # frames in which a range sets in and ends: 0.2 s
GLANCE_FRAMES = 3.0  # frames in which the eyes turn
LOOKS = {  # degrees of yaw and pitch
    "camera": (0.0, 0.0), "left": (15.0, 0.0), "right": (-15.0, 0.0), "up": (0.0, -8.0), "down": (0.0, 8.0),
}  # fmt: skip


class Compiled(NamedTuple):
    """Contents of a script once it is read."""

    always: dict[str, Control]
    frames: dict[int, dict[str, Control]]
    layers: tuple[Layer, ...]
    cues: tuple[Cue, ...]
    fades: bool


def compiled(root: Located) -> Compiled:
    """A script's groups, or nothing but controls by frame."""
    values = root.value
    if isinstance(values, list):
        frames = {n: controls_of(entry, f"controls of frame {n}") for n, entry in enumerate(values)}
        return Compiled({}, frames, (), (), False)
    if not isinstance(values, dict):
        root.fail(f"expected groups ({', '.join(GROUPS)}), or controls by frame number")
    if not any(name in GROUPS for name in values):
        return Compiled({}, _by_frame(root), (), (), False)
    for name, group in values.items():
        if name not in GROUPS:
            group.fail(f"'{name}' is not a group of a script{did_you_mean(name, GROUPS)}")
    layers: list[Layer] = []
    for name, read in LAYERS.items():
        if name in values:
            layers += read(values[name])
    if len(layers) > MAX_ENTRIES:
        root.fail(f"{len(layers)} entries are too many; at most {MAX_ENTRIES} are played")
    always, single, emotions = (values.get(name) for name in ("always", "frames", "emotions"))
    return Compiled(
        always={} if always is None else controls_of(always, "always"),
        frames={} if single is None else _by_frame(single),
        layers=tuple(layers),
        cues=() if emotions is None else _emotions(emotions),
        fades=any("fade_alpha" in _names(layer) for layer in layers),
    )


def _names(layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, Fades):
        return ("fade_alpha",)
    if isinstance(layer, ControlCurve):
        return (layer.name,)
    return tuple(layer.controls) if isinstance(layer, ControlRange) else ()


def _by_frame(node: Located) -> dict[int, dict[str, Control]]:
    if not isinstance(node.value, dict):
        node.fail("frames: expected controls by frame number or time")
    frames: dict[int, dict[str, Control]] = {}
    for name, entry in node.value.items():
        try:
            frame = round(moment(name))
        except ConfigError:
            near = did_you_mean(name, GROUPS)
            entry.fail(f"'{reprlib.repr(name)[1:-1]}' is no frame number, time or group of a script{near}")
        frames[frame] = {**frames.get(frame, {}), **controls_of(entry, f"controls of frame {frame}")}
    return frames


def _curves(node: Located) -> Iterator[Layer]:
    if not isinstance(node.value, dict):
        node.fail("curves: expected controls by name, each with its keys")
    known = [name for name in NAMES if name not in ARRAYS and name != "fade_out_keys"]
    for name, keys in node.value.items():
        if name not in known:
            keys.fail(f"curves: '{name}' is not a control with a curve{did_you_mean(name, known)}")
        found = sorted(_keys(keys, name), key=lambda key: key.frame)
        if not found:
            keys.fail(f"curves: {name} has no keys")
        for one, other in pairwise(found):
            if one.frame == other.frame:
                keys.fail(f"curves: {name} has two keys at frame {one.frame:g}")
        yield ControlCurve(name, Curve(tuple(found)))


def _keys(node: Located, control: str) -> Iterator[Key]:
    """Keys as a list of {at, value, ease}, or as moments with their values."""

    def value_of(given: object) -> float:
        return amount(checked({control: given}, "the value"), control)

    group = f"curves: {control}"
    if isinstance(node.value, dict):
        for at, value in node.value.items():
            try:
                yield Key(moment(at), value_of(value.plain()))
            except ConfigError as error:
                value.fail(f"{group}: {error}")
        return
    for entry in entries(node, group, ("at", "value", "ease")):
        for name in ("at", "value"):
            if not entry.has(name):
                entry.fail(entry.node, f"a key needs '{name}'")
        yield Key(entry.frames("at", 0.0), entry.wanted("value", value_of), entry.ease())


def _ranges(node: Located) -> Iterator[Layer]:
    own = (*SPAN, "ease", "rise", "fall")
    for entry in entries(node, "ranges", (*own, *NAMES)):
        start = entry.start()
        shape = entry.frames("rise", RISE_FRAMES), entry.frames("fall", RISE_FRAMES)
        controls = controls_of(entry.node, "ranges", own)
        if not controls:
            entry.fail(entry.node, "no control is named in this entry")
        yield ControlRange(controls, Envelope.fitting(start, entry.end(start), *shape, entry.ease()))


def _gestures(node: Located) -> Iterator[Layer]:
    for entry in entries(node, "gestures", ("do", *SPAN, "strength", "times")):
        if not entry.has("do"):
            entry.fail(entry.node, "which? Write 'do: nod'")
        start = entry.start()
        end = entry.end(start)
        name = entry.wanted("do", gesture_named)
        strength = entry.get("strength", lambda value: strong(number("strength", value)), 1.0)
        times = entry.get("times", lambda value: often(number("times", value)), 1)
        length = None if math.isinf(end) else (end - start) / times
        try:
            yield Gesture.of(name, start, strength=strength, length=length, times=times)
        except ConfigError as error:
            entry.fail(entry.node, str(error))


def _blinks(node: Located) -> Iterator[Layer]:
    if not isinstance(node.value, list):
        node.fail("blinks: expected a list of times")
    for entry in node.value:
        try:
            yield Gesture.of("blink", moment(entry.plain()))
        except ConfigError as error:
            entry.fail(f"blinks: {error}")


def _gaze(node: Located) -> Iterator[Layer]:
    found: list[tuple[float, float, float, float, dict[str, float], str]] = []
    for entry in entries(node, "gaze", ("yaw", "pitch", "look", *SPAN, "rise", "fall", "ease")):
        start = entry.start()
        yaw, pitch = entry.get("look", look_named, (0.0, 0.0))
        if not any(entry.has(name) for name in ("look", "yaw", "pitch")):
            entry.fail(entry.node, "where to? Write 'look: left', or degrees of 'yaw' and 'pitch'")
        target = {"gaze_yaw": entry.get("yaw", _sight, yaw), "gaze_pitch": entry.get("pitch", _sight, pitch)}
        shape = entry.frames("rise", GLANCE_FRAMES), entry.frames("fall", GLANCE_FRAMES)
        found.append((start, entry.end(start), *shape, target, entry.ease()))
    found.sort(key=lambda glance: glance[0])
    for number_, (start, end, rise, fall, target, ease) in enumerate(found):
        if math.isinf(end) and number_ + 1 < len(found):
            following = found[number_ + 1]
            end, fall = following[0] + following[2], 0.0  # until the next target is reached
        yield ControlRange(target, Envelope.fitting(start, end, rise, fall, ease))


def _sight(given: object) -> float:
    degrees = number("the angle", given)
    if abs(degrees) > 90:
        raise ConfigError(f"the angle is {degrees:g}, but must be from -90 to 90 degrees")
    return degrees


def look_named(word: object) -> tuple[float, float]:
    return LOOKS[word_of(word, LOOKS, "is nowhere to look")]


def _fades(node: Located) -> Iterator[Layer]:
    keys: list[Key] = []
    parts: list[tuple[float, tuple[str, ...]]] = []
    last = ""
    for entry in entries(node, "fades", ("in", "out", "over", "ease", "parts")):
        if entry.has("in") == entry.has("out"):
            entry.fail(entry.node, "write one of 'in' and 'out', with the time it begins")
        way = "in" if entry.has("in") else "out"
        start, over = entry.frames(way, 0.0), entry.frames("over", MOOD_FRAMES)
        if way == last:
            entry.fail(entry.node, f"two fades {way} follow each other")
        if keys and start < keys[-1].frame:
            entry.fail(entry.node, "it begins before the fade above has ended; write fades in order of time")
        ease = entry.ease()
        keys += [Key(start, float(way == "out")), Key(start + over, float(way == "in"), ease)]
        parts.append((start, entry.get("parts", lambda names: parts_named("parts", names), FADED_PARTS)))
        last = way
    if keys:
        yield Fades(Curve(tuple(keys)), tuple(parts))


def _emotions(node: Located) -> tuple[Cue, ...]:
    cues: list[Cue] = []
    for entry in entries(node, "emotions", ("feel", "intensity", *SPAN, "over", "ease")):
        if not entry.has("feel"):
            entry.fail(entry.node, "which? Write 'feel: happy'")
        start = entry.start()
        end = entry.end(start)
        intensity = entry.number("intensity", 1.0)
        over, ease = entry.frames("over", MOOD_FRAMES), entry.ease()
        feel = entry.wanted("feel", lambda given: shares_of(given, intensity))  # noqa: B023
        cues.append(Cue(start, feel, over, ease, _label(entry.node.value["feel"].plain(), intensity)))
        if not math.isinf(end):
            cues.append(Cue(end, None, over, ease, USUAL))
        if len(cues) > MAX_ENTRIES:
            entry.fail(entry.node, f"more than {MAX_ENTRIES} changes of emotion")
    return tuple(sorted(cues, key=lambda cue: cue.start))


def _label(feel: object, intensity: float) -> str:
    strength = "" if intensity == 1 else f" {intensity:g}"
    if isinstance(feel, dict):
        return " + ".join(f"{name} {float(share):g}" for name, share in feel.items()) + strength
    return " + ".join(str(part) for part in feel) if isinstance(feel, list) else f"{feel}{strength}"


def shares_of(feel: object, intensity: float) -> tuple[float, ...] | None:
    """Shares of the eight emotions from a name, names, or names with shares; None is the stream's own."""
    if feel == USUAL:
        return None
    if not isinstance(feel, dict):
        rows = emotion_rows(feel)
        if len(rows) != 1:
            raise ConfigError("one emotion, or one blend of them, is felt at a time")
        return weakened(rows[0], intensity)
    total = emotion_rows("Neutral")[0] * 0
    for name, share in feel.items():
        portion = number(f"the share of {name}", share)
        if not 0 <= portion <= 1:
            raise ConfigError(f"the share of {name} is {portion:g}, but must be from 0 to 1")
        total = total + portion * emotion_rows(name)[0]
    if total.sum() > 1.001:
        raise ConfigError(f"the shares add up to {total.sum():.2f}, but must stay within 1")
    total[NEUTRAL] += 1 - total.sum()
    return weakened(total, intensity)


LAYERS: dict[str, Callable[[Located], Iterator[Layer]]] = {
    "curves": _curves,
    "ranges": _ranges,
    "gestures": _gestures,
    "gaze": _gaze,
    "blinks": _blinks,
    "fades": _fades,
}
GROUPS = ("always", "frames", "emotions", *LAYERS)
