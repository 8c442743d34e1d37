"""Malformed offers, commands and WebSocket frames for the live server, by a seed."""

import json
import random
import struct

MAX_EDITS = 8  # of an offer
COMMANDS = [
    {"type": "say", "text": "Hi"},
    {"type": "sound", "rate": 16_000, "to": "speech"},
    {"type": "flush"},
    {"type": "interrupt"},
    {"type": "gesture", "name": "nod", "strength": 0.5},
    {"type": "feel", "emotion": "happy", "intensity": 0.5},
    {"type": "feel", "emotion": ["happy", "sad"]},
    {"type": "control", "controls": {"smile": 0.4, "brows": None}},
    {"type": "mode", "microphone": "to"},
    {"type": "figures", "id": 7},
]
VALUES = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1e308,
        -1e308,
        1e-320,
        2**63,
        10**400,
        0.1,
        "",
        " ",
        "\0",
        "\ud800",
        "é" * 3000,
    ),
    *("x" * 5000, "../../etc/passwd", "$(reboot)", "NaN", "say", [], {}, [[]], [None], ["x"] * 100),
    *([0.5] * 65, {"a": 1}, {"smile": {"smile": 1}}, {"": 0}, {"__class__": 1}, {"self": 1}, ["nod"]),
]
PIECES = [
    b'{"',
    b"}",
    b"[" * 2000,
    b"NaN",
    b"1e999",
    b"\xff\xfe",
    b"\0",
    b'"\\ud800"',
    b"9" * 5000,
    b",",
    b":",
]
JUNK = [
    "\u2603",
    " -1",
    "99999999999999999999",
    "\0",
    "/",
    ":",
    "a=",
    "=",
    " ",
    "0x41",
    "%s%n",
    "\n",
    "[::1]",
]
SECTIONS = [
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "m=audio 9 X 0",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
]
SIZES = [0, 1, 2, 5, 125, 126, 127, 1000]


def offer(chance: random.Random, lines: list[str]) -> str:
    """An SDP with a few lines lost, doubled, cut, scrambled or out of place."""
    if chance.random() < 0.05:
        return "".join(chr(chance.randrange(1, 0x2FF)) for _ in range(chance.randrange(300)))
    damaged = list(lines)
    for _ in range(chance.randint(1, MAX_EDITS)):
        at = chance.randrange(len(damaged) or 1)
        line = damaged[at] if damaged else ""
        cut = chance.randrange(len(line) + 1)
        damaged[at : at + 1] = chance.choice(
            [
                [],
                [line] * chance.randint(2, 20),
                [line[:cut]],
                [line[:cut] + chance.choice(JUNK) + line[cut:]],
                [line, chance.choice(SECTIONS)],
                [chance.choice(lines)],
                [line.swapcase()],
                [line, f"a={chance.choice(JUNK)}{line}"],
            ]
        )
    return "\r\n".join(damaged) + "\r\n"


def command(chance: random.Random) -> bytes:
    """A command with values of other kinds, or with damage to its text."""
    made = dict(chance.choice(COMMANDS))
    for _ in range(chance.randint(0, 3)):
        name = chance.choice([*made, "type", "text", "id", "controls", "extra"])
        made[name] = chance.choice(VALUES)
    text = json.dumps(made).encode()
    for _ in range(chance.choice([0, 0, 1, 2])):
        at = chance.randrange(len(text) + 1)
        text = chance.choice([text[:at], text[:at] + chance.choice(PIECES) + text[at:], text[at:]])
    return text


def frame(chance: random.Random) -> bytes:
    """A WebSocket frame: proper, or with a head that breaks the protocol."""
    opcode = chance.choice([0, 1, 1, 1, 2, 2, 8, 9, 10, chance.randrange(16)])
    size = chance.choice(SIZES)
    payload = command(chance)[:size] if opcode == 1 else chance.randbytes(size)
    if opcode == 8 and chance.random() < 0.5:
        payload = struct.pack("!H", chance.randrange(65536)) + payload[:50]
    first = opcode | chance.choice([0x80, 0x80, 0x80, 0x80, 0x00, 0xC0, 0x70])
    masked = 0x80 if chance.random() < 0.97 else 0
    said = len(payload) if chance.random() < 0.95 else chance.choice([2**63, 2**40, 0, 70_000])
    if said < 126:
        head = struct.pack("!BB", first, masked | said)
    elif said < 65536 and chance.random() < 0.98:
        head = struct.pack("!BBH", first, masked | 126, said)
    else:
        head = struct.pack("!BBQ", first, masked | 127, said)
    return head + (b"\0\0\0\0" if masked else b"") + payload
