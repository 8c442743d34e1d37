"""Restricted unpickler: reads plain data, and never calls or imports what the file names.

The interpreter's own reader makes whatever a file asks for. This one knows the instructions that make
containers, numbers and text. A call is only noted, and worth something where its reader gives a maker
for that name. Everything has a bound, whatever the file claims.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_PICKLE_BYTES = 50_000_000  # bytes of a pickle, and of what is made of it
MAX_VALUES = 300_000  # instructions, and values made by them
MAX_CONTAINER_DEPTH = 32  # containers within containers
MAX_LINE_BYTES = 1_000_000  # bytes of a number or text that ends with its line
NUMBER_BOUND = 1 << 64  # what a whole number stays below, either side of 0
HASHABLE_TYPES = (str, bytes, int, float, type(None))  # what is hashed in a time that no file can stretch

Name = tuple[str, str]  # of a module, and of something in it
# takes the arguments of a call, and the state set on its result
Maker = Callable[[tuple[object, ...], object], object]


class Refused(Exception):
    """The pickle asks for more than data, or it is damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class _Named:
    """Something that the file names, to call it or to hand it to a call."""

    name: Name


@dataclass(slots=True, eq=False)
class _Call:
    """A call, and the state that is set on its result."""

    name: Name
    arguments: tuple[object, ...]
    state: object = None


EXTERNAL: Name = ("", "")  # what is called for an object outside the pickle


def read_data(
    data: bytes,
    makers: Mapping[Name, Maker],
    symbols: frozenset[Name] = frozenset(),
    largest: float = MAX_PICKLE_BYTES,
) -> object:
    """The data in a pickle of any protocol; raises `Refused`.

    `symbols` are names that a call may be handed: its maker sees them as (module, name). The maker of
    `EXTERNAL` is handed what the file knows of an object outside itself.
    """
    if len(data) > MAX_PICKLE_BYTES:
        raise Refused(f"{len(data)} bytes are too many")
    try:
        return _Values(makers, symbols, largest).of(_Machine().run(data))
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError) as error:
        raise Refused(f"damaged: {type(error).__name__}: {error}") from error


class _Lines(io.BytesIO):
    """Bytes whose lines have a bound: the digits of a number take more than their share of time."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(MAX_LINE_BYTES)
        if len(line) == MAX_LINE_BYTES:
            raise Refused("a line of it does not end")
        return line


class _Machine:
    """A stack of plain values, and the instructions that work on it."""

    def __init__(self) -> None:
        self._stack: list[object] = []
        self._marks: list[int] = []  # lengths of the stack
        self._memo: dict[int, object] = {}

    def run(self, data: bytes) -> object:
        argument: Any  # as its instruction says
        for count, (instruction, argument, _) in enumerate(pickletools.genops(_Lines(data))):
            name = instruction.name
            if count == MAX_VALUES:
                raise Refused(f"more than {MAX_VALUES} instructions")
            if name in PUSH:
                self._stack.append(_checked(argument))
            elif name in MAKE:
                self._stack.append(MAKE[name]())
            elif name in COLLECT:
                self._stack.append(COLLECT[name](self._since_mark()))
            elif name in GROW:
                self._grow(self._since_mark() if name.endswith("S") else self._take(GROW[name]))
            elif name in TUPLES:
                self._stack.append(tuple(self._take(TUPLES[name])))
            elif name in STORE:
                self._memo[len(self._memo) if argument is None else argument] = self._stack[-1]
            elif name in RECALL:
                self._stack.append(self._memo[argument])
            elif name == "MARK":
                self._marks.append(len(self._stack))
            elif name == "GLOBAL":
                self._name(*argument.split(" "))
            elif name == "STACK_GLOBAL":
                self._name(*self._take(2))
            elif name == "REDUCE":
                self._call(*self._take(2))
            elif name == "BUILD":
                self._set_state(*self._take(1))
            elif name == "BINPERSID":
                self._stack.append(_Call(EXTERNAL, tuple(self._take(1))))
            elif name not in IGNORED:
                raise Refused(f"the instruction {name} has no use in data")
        if len(self._stack) != 1 or self._marks:
            raise Refused("damaged: it ends in the middle")
        return self._stack[0]

    def _take(self, count: int) -> list[object]:
        at = len(self._stack) - count
        if at < (self._marks[-1] if self._marks else 0):
            raise Refused("damaged: values are missing")
        found = self._stack[at:]
        del self._stack[at:]
        return found

    def _since_mark(self) -> list[object]:
        at = self._marks.pop()
        found = self._stack[at:]
        del self._stack[at:]
        return found

    def _grow(self, values: list[object]) -> None:
        """Puts values into the container on top of the stack."""
        group = self._stack[-1]
        if isinstance(group, list):
            group.extend(values)
        elif isinstance(group, set):
            group.update(map(_key, values))
        elif isinstance(group, dict):
            group.update(_paired(values))
        else:
            raise Refused(f"damaged: a {type(group).__name__} in place of a container")

    def _name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Refused("damaged: a name that is no text")
        self._stack.append(_Named((OLD_NAMES.get(module, module), name)))

    def _call(self, called: object, arguments: object) -> None:
        if not isinstance(called, _Named) or not isinstance(arguments, tuple):
            raise Refused("damaged: a call of something without a name")
        if called.name == MAPPING:
            self._stack.append(_paired([one for pair in (*arguments, [])[0] for one in pair]))
        else:
            self._stack.append(_Call(called.name, arguments))

    def _set_state(self, state: object) -> None:
        made = self._stack[-1]
        if isinstance(made, _Call):
            made.state = state
        elif not isinstance(made, dict):  # whose attributes are of no use
            raise Refused(f"damaged: a state for a {type(made).__name__}")


class _Values:
    """Values of what the machine noted: containers copied, calls carried out by their makers."""

    def __init__(self, makers: Mapping[Name, Maker], symbols: frozenset[Name], largest: float) -> None:
        self._makers = makers
        self._symbols = symbols
        self._largest = largest
        self._made: dict[int, object] = {}  # by the identity of the call
        self._count = 0
        self._bytes = 0

    def of(self, noted: object, depth: int = 0, *, handed: bool = False) -> object:
        """`handed`: whether it is for a call."""
        self._count += 1
        if self._count > MAX_VALUES:
            raise Refused(f"more than {MAX_VALUES} values")
        if depth > MAX_CONTAINER_DEPTH:
            raise Refused(f"nested more than {MAX_CONTAINER_DEPTH} deep")
        if isinstance(noted, _Call):
            if id(noted) not in self._made:
                self._made[id(noted)] = self._result(noted, depth)
            return self._made[id(noted)]
        if isinstance(noted, _Named):
            if not handed or noted.name not in self._symbols:
                raise _unwanted(noted.name)
            return noted.name
        if isinstance(noted, dict):
            return {key: self.of(value, depth + 1, handed=handed) for key, value in noted.items()}
        if isinstance(noted, (list, tuple)):
            return type(noted)([self.of(value, depth + 1, handed=handed) for value in noted])
        return set(noted) if isinstance(noted, set) else noted

    def _result(self, call: _Call, depth: int) -> object:
        maker = self._makers.get(call.name)
        if maker is None:
            raise _unwanted(call.name)
        arguments = self.of(call.arguments, depth + 1, handed=True)
        assert isinstance(arguments, tuple)
        made = maker(arguments, self.of(call.state, depth + 1, handed=True))
        self._bytes += len(made) if isinstance(made, bytes) else getattr(made, "nbytes", 0)
        if self._bytes > self._largest:
            raise Refused(f"it holds more than {self._largest} bytes of data")
        return made


def _unwanted(name: Name) -> Refused:
    return Refused(
        "it refers to objects outside the file" if name == EXTERNAL else f"it asks for '{'.'.join(name)}'"
    )


def _checked(value: object) -> object:
    if isinstance(value, int) and not -NUMBER_BOUND < value < NUMBER_BOUND:
        raise Refused("a whole number of more than 64 bits")
    return value


def _key(value: object) -> object:
    if not isinstance(value, HASHABLE_TYPES):
        raise Refused(f"a {type(value).__name__} as a key")
    return value


def _paired(values: list[object]) -> dict[object, object]:
    return dict(zip(map(_key, values[::2]), values[1::2], strict=True))


MAPPING: Name = ("collections", "OrderedDict")
OLD_NAMES = {"__builtin__": "builtins"}
NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
TEXT = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
PUSH = NUMBERS | BYTES | TEXT
MAKE: Mapping[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
COLLECT: Mapping[str, Callable[[list[object]], object]] = {"LIST": list, "TUPLE": tuple, "DICT": _paired}
GROW = {"APPEND": 1, "APPENDS": 0, "SETITEM": 2, "SETITEMS": 0, "ADDITEMS": 0}  # values, or up to a mark
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
STORE = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
RECALL = frozenset({"GET", "BINGET", "LONG_BINGET"})
IGNORED = frozenset({"PROTO", "FRAME", "STOP"})
