"""Controls that a user gives for single frames: checked, merged, and changed while the stream runs."""

from __future__ import annotations

import math
import reprlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from cfg.argument_checks import kind_of
from cfg.errors import ConfigError, did_you_mean
from cfg.frame_rates import Rate
from ditto.arrays import Floats
from ditto.motion.control_layers import MAX_CONTROL, Control, Layer, Values, laid
from ditto.motion.emotion import emotion_rows
from ditto.motion.gestures import Gesture
from ditto.motion.mood import MOOD_FRAMES, Mood, weakened
from ditto.motion.timeline import moment
from ditto.motion.vector import MOVING, WIDTHS
from ditto.rates import FRAME_RATE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Controls:
    """The controls of one frame; None leaves a thing as it is."""

    fade_alpha: float | None = None  # 1 is driven, 0 the fade's target
    fade_out_keys: tuple[str, ...] | None = None  # parts that fade, in place of the stream's own
    vad_alpha: float | None = None  # 1 speaks, 0 holds the portrait's mouth; above 1 does nothing
    delta_pitch: float | None = None  # degrees
    delta_yaw: float | None = None  # degrees
    delta_roll: float | None = None  # degrees
    alpha_pitch: float | None = None  # factor on the angle, after delta_pitch
    alpha_yaw: float | None = None
    alpha_roll: float | None = None
    alpha_exp: float | None = None  # factor on what the expression differs from the portrait's
    alpha_scale: float | None = None  # factor on the size of the head
    delta_exp: Floats | None = None  # (1, 63) added to the expression
    delta_eye: Floats | None = None  # (1, 63) added to the expression at the eyes only
    delta_t: Floats | None = None  # (1, 3) added to the position; z has no effect
    smile: float | None = None  # 1 smiles, -1 turns the mouth's corners down
    brows: float | None = None  # 1 raises them, -1 lowers them
    furrow: float | None = None  # 1 draws the brows together
    blink: float | None = None  # 1 closes both eyes, whatever the motion does
    wink_left: float | None = None  # 1 closes the eye at the left of the picture, and raises its cheek
    wink_right: float | None = None
    gaze_yaw: float | None = None  # degrees, as the head's: the eyes look there, not where motion has them
    gaze_pitch: float | None = None
    gaze_hold: float | None = None  # share of the way to that target; 1 where it is not given
    blend_alpha: float | None = None  # 0..1: share of the painted face, in place of the stream's


NAMES = tuple(f.name for f in fields(Controls))
ARRAYS = {"delta_exp": 63, "delta_eye": 63, "delta_t": 3}

Change = Mapping[str, Control | None]  # None ends what stood
FadeCurve = Callable[[int, int, int], dict[int, float]]  # length, fades in and out -> fade_alpha by frame
Frames = Mapping[int, object] | Mapping[str, object] | Sequence[object] | Callable[[int], object] | None


def of_values(values: Values) -> Controls:
    """The controls of a frame from checked values by name."""
    make: Callable[..., Controls] = Controls
    return make(**values)


def parts_named(what: str, names: object) -> tuple[str, ...]:
    """Names of moving parts; 'kp', the identity, is accepted and left out, as it never moves."""
    listed = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    parts: list[str] = []
    for name in listed:
        if not isinstance(name, str) or name not in WIDTHS:
            raise ConfigError(
                f"{what}: '{name}' is not a part of the motion{did_you_mean(str(name), MOVING)}"
            )
        if name != "kp":
            parts.append(name)
    return tuple(parts)


def number(what: str, value: object) -> float:
    """A finite Python float, from a number or an array of one."""
    try:
        if np.iscomplexobj(np.asarray(value)):
            raise TypeError
        converted = float(np.asarray(value, np.float64).reshape(()))
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"{what} is {reprlib.repr(value)}, but must be one number") from None
    if not math.isfinite(converted):
        raise ConfigError(f"{what} is {converted}, but must be finite")
    return converted


def row(what: str, value: object, width: int) -> Floats:
    """(1, width) of finite numbers, from as many in any shape; one number stands for all."""
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(value, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"{what} must be {width} numbers, or one for all of them") from None
    if array.size not in (1, width) or not np.isfinite(array).all():
        raise ConfigError(
            f"{what} has shape {array.shape}, but must be {width} finite numbers, or one for all of them"
        )
    return np.array(np.broadcast_to(array.reshape(1, -1), (1, width)))


def known_names(where: str, names: Iterable[object]) -> None:
    for name in names:
        if name not in NAMES:
            raise ConfigError(f"{where}: '{name}' is not a control{did_you_mean(str(name), NAMES)}")


def checked(given: object, where: str = "controls") -> dict[str, Control]:
    """The controls that are given, of the right types; an unknown name is refused."""
    if given is None:
        return {}
    if isinstance(given, Controls):
        return {name: getattr(given, name) for name in NAMES if getattr(given, name) is not None}
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where} is {reprlib.repr(given)}, but must map names of controls to values")
    known_names(where, given)
    out: dict[str, Control] = {}
    for name, value in given.items():
        what = f"{where}: {name}"
        if name == "fade_out_keys":
            out[name] = MOVING if value is None else parts_named(what, value)
        elif name in ARRAYS:
            out[name] = row(what, value, ARRAYS[name])
        else:
            out[name] = amount = number(what, value)
            if name == "blend_alpha" and not 0 <= amount <= 1:
                raise ConfigError(f"{what} is {amount}, but must be from 0 to 1")
        if name != "fade_out_keys" and np.abs(np.asarray(out[name])).max() > MAX_CONTROL:
            raise ConfigError(f"{what} is beyond {MAX_CONTROL:g}")
    return out


def checked_frames(given: object) -> dict[int, dict[str, Control]]:
    """Frame number to controls, from a mapping (JSON's text keys too) or a list by frame."""
    if given is None:
        return {}
    if not isinstance(given, Iterable):
        raise ConfigError(f"controls are {kind_of(given)}, but must be given by frame number")
    pairs = given.items() if isinstance(given, Mapping) else enumerate(given)
    frames: dict[int, dict[str, Control]] = {}
    for key, value in pairs:
        try:
            index = int(key)
        except (TypeError, ValueError, OverflowError):
            raise ConfigError(f"controls are given by frame number, but '{key}' is not one") from None
        frames[index] = checked(value, f"controls of frame {index}")
    return frames


def fade_curve(length: int, fade_in: int, fade_out: int) -> dict[int, float]:
    """fade_alpha by frame: rises from 0 over `fade_in` frames, reaches 0 at the last of `length`.

    Where both fall on one frame the smaller counts.
    """
    curve = {frame: frame / fade_in for frame in range(max(fade_in, 0))}
    last = length - 1
    for frame in range(last - fade_out, length) if fade_out > 0 else ():
        alpha = (last - frame) / fade_out
        curve[frame] = min(alpha, curve.get(frame, 1.0))
    return {frame: alpha for frame, alpha in curve.items() if 0 <= frame < length}


def with_fades(frames: Mapping[int, Values], curve: Mapping[int, float]) -> dict[int, dict[str, Control]]:
    """The frames' controls with `fade_alpha` by frame in them; the given ones stay as they are."""
    fades = {frame: {"fade_alpha": alpha} for frame, alpha in curve.items()}
    return {frame: {**frames.get(frame, {}), **fades.get(frame, {})} for frame in {**frames, **fades}}


class ControlTrack:
    """The controls of a stream: for all frames, from a frame on, and for single frames.

    The nearer word counts: a single frame's over a standing one, a standing one over the stream's.
    The stage asks from its thread, in order of frames; anyone may change it meanwhile.
    """

    def __init__(
        self,
        frames: Frames = None,
        overall: Mapping[str, object] | Controls | None = None,
        *,
        under: Iterable[Callable[[float], Mapping[str, object]]] = (),
        fps: Rate = FRAME_RATE,
        fade_curve: FadeCurve = fade_curve,
    ) -> None:
        """`frames`: a mapping or list by frame number, or a function of the frame number.

        `under`: functions of the frames shown since the stream began, whatever the turn; what they
        give counts least, the first of them most. Frames are counted at 25 a second throughout; a
        stage that runs at another `fps` asks by its own count and gets what lies between two frames.
        A function with `cues`, as a script is, brings emotions too, and knows what lies between itself.
        """
        self._lock = threading.Lock()
        cues = getattr(frames, "cues", None)
        self.mood = Mood(cues or ())
        self._scripted: Callable[[float], object] | None = (
            getattr(frames, "at", None) if cues is not None else None
        )
        self.fades = bool(getattr(frames, "fades", False))  # whether fades are meant without being set up
        self._playing: list[tuple[float, Layer]] = []  # what plays over the rest, and since which frame
        self._following = 0.0  # frame asked for next
        self._under = tuple(under)
        self._fps = fps
        self._fade_curve = fade_curve
        self._before = 0.0  # frames shown in earlier turns
        self._asked_at = 0.0  # frame last asked for
        self._overall = checked(overall, "controls of all frames")
        self._asked = frames if callable(frames) and cues is None else None
        self._frames = {} if callable(frames) else checked_frames(frames)
        self._standing: dict[str, Control] = {}  # updates whose first frame has been reached
        self._coming: list[tuple[int, Change]] = []  # updates still ahead, by first frame

    def at(self, index: int) -> Controls:
        """The controls of frame `index`, counted at the stream's own rate."""
        frame, parts = divmod(index * FRAME_RATE, self._fps)
        position = float(index * FRAME_RATE / self._fps)
        with self._lock:
            while self._coming and self._coming[0][0] <= frame:
                self._standing = _merged(self._standing, self._coming.pop(0)[1])
            far = {**self._overall, **self._standing}
            self._asked_at = position
            self._following = float((index + 1) * FRAME_RATE / self._fps)
            shown = self._before + self._asked_at
            self._playing = [(start, layer) for start, layer in self._playing if position - start < layer.end]
            playing = tuple(self._playing)
        near = self._of_frame(frame)
        if parts:
            near = between(near, self._of_frame(frame + 1), float(parts / self._fps))
        if self._scripted is not None:
            scripted = checked(self._scripted(position), f"controls of frame {frame}")
            near = {**scripted, **near}
        for layer in self._under:
            far = {**checked(layer(shown), f"controls of frame {frame}"), **far}
        values: dict[str, Control] = {**far, **near}
        for start, played in playing:
            values = laid(values, checked(played.at(position - start), f"controls of frame {frame}"))
        return of_values(values)

    def _of_frame(self, frame: int) -> Values:
        """Controls set for a single frame."""
        asked: Values = {}
        if self._asked is not None:
            asked = checked(self._asked(frame), f"controls of frame {frame}")
        with self._lock:
            return {**asked, **self._frames.get(frame, {})}

    def update(self, start: int, /, **controls: object) -> None:
        """From frame `start` on these hold, until changed again; None ends one."""
        given = {name: value for name, value in controls.items() if value is not None}
        known_names("controls", controls)
        change: Change = {**dict.fromkeys(controls), **checked(given)}
        with self._lock:
            self._coming.append((start, change))
            self._coming.sort(key=lambda entry: entry[0])

    def set(self, index: int, **controls: object) -> None:
        """These hold for frame `index` alone, beside what was set for it before."""
        given = checked(controls, f"controls of frame {index}")
        with self._lock:
            self._frames[index] = {**self._frames.get(index, {}), **given}

    def fade(self, length: int, fade_in: int, fade_out: int) -> None:
        """Fades in at the start and out at the end of `length` frames."""
        curve = self._fade_curve(length, fade_in, fade_out)
        with self._lock:
            self._frames = with_fades(self._frames, curve)

    def gesture(
        self,
        name: str,
        *,
        strength: float = 1.0,
        duration: int | str | None = None,
        times: int = 1,
        at: int | None = None,
    ) -> None:
        """Plays a gesture over everything else, from frame `at` on or now; docs/scripting.md names them.

        `duration` of one time is in frames, or text such as "0.8s".
        """
        length = None if duration is None else moment(duration)
        self.play(Gesture.of(name, 0.0, strength=strength, length=length, times=times), at=at)

    def play(self, layer: Layer, *, at: int | None = None) -> None:
        """Plays a gesture or a script over everything else; its frame 0 is frame `at`, or the next one."""
        with self._lock:
            start = self._following if at is None else at
            self._playing.append((start, layer))
            self.fades = self.fades or bool(getattr(layer, "fades", False))
        self.mood.add(getattr(layer, "cues", ()), start)

    def feel(self, emotion: object, *, intensity: float = 1.0, over: int | str | None = None) -> None:
        """Another emotion from the next motion made on, reached in `over` frames, or "0.4s".

        "default" is the one the stream was set up with. Motion is made ahead of the pictures, by what
        the stream's mode waits for.
        """
        shares = None if emotion == "default" else weakened(emotion_rows(emotion)[0], intensity)
        self.mood.feel(shares, MOOD_FRAMES if over is None else moment(over))

    def restart(self) -> None:
        """Frames count from 0 again: what was set for single frames is gone, updates stand.

        A gesture under way goes on, so that the head does not jump.
        """
        with self._lock:
            begun = self._following
            self._playing = [(start - begun, layer) for start, layer in self._playing if start < begun]
            self._following = 0.0
            for _, change in self._coming:
                self._standing = _merged(self._standing, change)
            self._coming.clear()
            self._frames = {}
            self._before += self._asked_at
            self._asked_at = 0.0


def between(near: Values, following: Values, share: float) -> dict[str, Control]:
    """Controls part of the way from one frame to the next; what only one of them has is not mixed."""
    mixed = dict(near)
    for name in near.keys() & following.keys():
        before, after = near[name], following[name]
        if not isinstance(before, tuple) and not isinstance(after, tuple):
            mixed[name] = before * (1 - share) + after * share
    return mixed


def _merged(standing: Values, change: Change) -> dict[str, Control]:
    return {name: value for name, value in {**standing, **change}.items() if value is not None}
