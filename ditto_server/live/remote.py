"""Commands to a face, as JSON: checked, done, answered."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict

from cfg.errors import ConfigError, did_you_mean
from ditto_server.live.limits import Limits
from ditto_server.live.microphone import Microphone
from ditto_server.live.problems import Problem
from stream_pipeline.live_face import LiveFace

Command = Mapping[str, object]
Answer = dict[str, object]
MAX_NUMBERS = 64  # in the value of a control


class Remote:
    """Commands to one face. `obey` may wait for the face: not for the event loop's thread."""

    def __init__(self, face: LiveFace, microphone: Microphone, limits: Limits) -> None:
        self._face = face
        self._microphone = microphone
        self._limits = limits
        self._waiting: set[object] = set()  # utterances that texts were made to
        self._felt: Answer | None = None
        self._controlled: Answer = {}
        self._commands: dict[str, Callable[[Command], Answer]] = {
            "say": self._say,
            "flush": self._flush,
            "interrupt": self._interrupt,
            "gesture": self._gesture,
            "feel": self._feel,
            "control": self._control,
            "mode": self._mode,
            "figures": self._figures,
        }

    def obey(self, command: Command) -> Answer:
        """The answer to a command: {"type": "done", …}, with the `id` that the command had."""
        name = command.get("type")
        if not isinstance(name, str) or name not in self._commands:
            raise ConfigError(f"'{name}' is not a command{did_you_mean(name, self._commands)}")
        answer = {"type": "done", "done": name, **self._commands[name](command)}
        return answer | ({"id": command["id"]} if "id" in command else {})

    @property
    def standing(self) -> list[Command]:
        """Commands that bring another face to what holds for this one."""
        controls = dict(self._controlled)
        return [
            *([self._felt] if self._felt is not None else []),
            *([{"type": "control", "controls": controls}] if controls else []),
            {"type": "mode", "microphone": self._microphone.mode},
        ]

    def over(self, event: Mapping[str, object]) -> None:
        """An event of the face, which may be the end of a text."""
        if event["type"] in ("finished", "interrupted", "failed"):
            self._waiting.discard(event.get("utterance"))

    def _say(self, command: Command) -> Answer:
        text = text_of(command, "text")
        if len(text) > self._limits.text_letters:
            raise ConfigError(
                f"the text has {len(text)} letters, but {self._limits.text_letters} are said at once at most"
            )
        if len(self._waiting) >= self._limits.texts_waiting:
            raise Problem(429, f"{len(self._waiting)} texts are waiting to be said already")
        utterance = self._face.say(text)
        self._waiting.add(utterance)
        return {"utterance": utterance}

    def _flush(self, command: Command) -> Answer:
        self._face.flush()
        return {}

    def _interrupt(self, command: Command) -> Answer:
        seconds = self._face.interrupt()
        self._waiting.clear()
        return {"seconds": round(seconds, 3)}

    def _gesture(self, command: Command) -> Answer:
        self._face.gesture(text_of(command, "name"), strength=number_of(command, "strength", 1.0))
        return {}

    def _feel(self, command: Command) -> Answer:
        emotion = command.get("emotion")
        if isinstance(emotion, list) and 0 < len(emotion) <= 8 and all(isinstance(e, str) for e in emotion):
            felt: object = emotion
        else:
            felt = text_of(command, "emotion")
        intensity = number_of(command, "intensity", 1.0)
        self._face.feel(felt, intensity=intensity)
        self._felt = {"type": "feel", "emotion": felt, "intensity": intensity}
        return {}

    def _control(self, command: Command) -> Answer:
        controls = command.get("controls")
        if not isinstance(controls, dict) or not controls:
            raise ConfigError('controls must name at least one control: {"controls": {"smile": 0.5}}')
        checked = {name: control_of(name, value) for name, value in controls.items()}
        self._face.control(**checked)
        held = {**self._controlled, **checked}
        self._controlled = {name: value for name, value in held.items() if value is not None}
        return {}

    def _mode(self, command: Command) -> Answer:
        self._microphone.set(command.get("microphone"))
        return {"microphone": self._microphone.mode}

    def _figures(self, command: Command) -> Answer:
        return {"figures": asdict(self._face.figures)}


def parsed(message: str | bytes) -> Command:
    """A command from its text."""
    try:
        command = json.loads(message, parse_constant=_no_number)
        json.dumps(command, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Problem(400, "a text has half a character, as \\ud800 is without its other half") from error
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"this is no JSON: {error}") from error
    if not isinstance(command, dict):
        raise Problem(400, 'a command is a JSON object, such as {"type": "say", "text": "Hello"}')
    return command


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def text_of(command: Command, name: str) -> str:
    value = command.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{name} must be a text that is not empty")
    return value


def number_of(command: Command, name: str, default: float) -> float:
    value = command.get(name, default)
    if not isinstance(value, (int, float)) or not is_number(value):
        raise ConfigError(f"{name} must be a number")
    return float(value)


def is_number(value: object) -> bool:
    """Whether it is one that arithmetic can take: JSON has others, as 1e999 and whole ones of any length."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def control_of(name: str, value: object) -> object:
    """A control's value as JSON can say it: a number, names, or a list of numbers; null ends it."""
    if value is None or isinstance(value, str) or is_number(value):
        return value
    if isinstance(value, list) and len(value) <= MAX_NUMBERS:
        if all(is_number(one) for one in value):
            return value
        if all(isinstance(one, str) for one in value):
            return value
    raise ConfigError(f"{name} must be a number, a list of at most {MAX_NUMBERS} numbers or names, or null")
