"""Scripts: controls, gestures, emotions, gaze and fades over time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cfg.argument_checks import kind_of, path_of
from cfg.errors import ConfigError
from cfg.yaml_lines import MAX_FILE_BYTES, located, read_located
from ditto.motion.control_layers import Control, ControlCurve, Fades, Layer, Values, amount, laid
from ditto.motion.controls import Frames, between, checked_frames
from ditto.motion.mood import Cue
from ditto.motion.script_groups import GROUPS, compiled

MAX_FRAMES_FILE_BYTES = 50_000_000  # bytes of a JSON file that is nothing but controls by frame


@dataclass(frozen=True, slots=True)
class Script:
    """Controls as a function of the motion frame, 25 a second; and emotions, which shape the motion.

    `docs/scripting.md` describes the file. A script may be given wherever controls by frame may.
    """

    always: Values = field(default_factory=dict)
    frames: Mapping[int, Values] = field(default_factory=dict)  # of single frames
    layers: tuple[Layer, ...] = ()
    cues: tuple[Cue, ...] = ()  # emotions in order of time
    fades: bool = False  # whether motion fades to the portrait
    file: str = field(default="", compare=False, repr=False)  # it was read from

    @classmethod
    def load(cls, path: str | Path) -> Script:
        """The script in a YAML or JSON file."""
        path = path_of(path, "script")
        if path.suffix.lower() == ".json" and _size(path) > MAX_FILE_BYTES:
            return cls(frames=_many_frames(path), file=str(path))
        return cls(*compiled(read_located(path)), file=str(path))

    @classmethod
    def of(cls, groups: Mapping[str, object]) -> Script:
        """The same from Python: `Script.of({"gestures": [{"at": "1s", "do": "nod"}]})`."""
        return cls(*compiled(located(groups, "script")))

    def at(self, frame: float) -> dict[str, Control]:
        """The controls of a motion frame; between two frames what lies between."""
        values = dict(self.always)
        for layer in self.layers:
            if layer.start <= frame < layer.end:
                values = laid(values, layer.at(frame))
        if "blend_alpha" in values:  # an easing may overshoot, this share may not
            values["blend_alpha"] = min(max(amount(values, "blend_alpha"), 0.0), 1.0)
        whole, share = divmod(frame, 1)
        single = self.frames.get(int(whole), {})
        if share:
            single = between(single, self.frames.get(int(whole) + 1, {}), share)
        return {**values, **single}

    __call__ = at

    @property
    def start(self) -> float:
        return 0.0

    @property
    def end(self) -> float:
        """The frame after which nothing changes any more."""
        return max([*(layer.end for layer in self.layers), *(n + 1.0 for n in self.frames), 0.0])

    @property
    def last_event(self) -> float:
        """The last frame at which something begins or ends."""
        moments = [m for layer in self.layers for m in (layer.start, layer.end) if m != float("inf")]
        curves = [layer.curve for layer in self.layers if isinstance(layer, (ControlCurve, Fades))]
        keys = [key.frame for curve in curves for key in curve.keys]
        return max([*moments, *keys, *(cue.start + cue.over for cue in self.cues), *self.frames, 0.0])


def as_frames(given: object) -> Frames:
    """Controls by frame as settings give them: also the path of a script, or a script's groups."""
    if isinstance(given, (str, Path)):
        return Script.load(given)
    if isinstance(given, Mapping) and any(isinstance(name, str) and name in GROUPS for name in given):
        return Script.of(given)
    if given is None or isinstance(given, (Mapping, Sequence)) or callable(given):
        return given
    raise ConfigError(f"controls are {kind_of(given)}, but must be given by frame number")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _many_frames(path: Path) -> dict[int, dict[str, Control]]:
    """Controls by frame from a JSON file too large to be read with its lines."""
    if _size(path) > MAX_FRAMES_FILE_BYTES:
        raise ConfigError(f"{path}: more than {MAX_FRAMES_FILE_BYTES} bytes are too many for a control file")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, (dict, list)):
            raise ConfigError('expected {"frame number": {"control": value}}')
        return checked_frames(values)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}, line {error.lineno}: not valid JSON: {error.msg}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read as controls: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
