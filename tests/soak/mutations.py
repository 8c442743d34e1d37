"""Files changed as their formats are built: by boxes, chunks, rows and keys rather than by bytes alone."""

from __future__ import annotations

import csv
import io
import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import yaml

Part = tuple[bytes, bytes]  # a tag and its content
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
NESTING = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf", b"iprp", b"ipco", b"LIST"}
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 7, 25, 1000, 10**9, 2**63, -(2**63), 10**30, 0.5, -0.5, 1e-300, 1e30),
    *(1e308, float("nan"), float("inf"), -float("inf"), "", " ", "0", "-1", "1e999", "nan", "inf", "yes"),
    *("1:30", "00:01.5", "10s", "-3s", "1e9s", "30000/1001", "1/0", "a" * 5000, "\0", "a\nb", "\x1b[31m"),
    *("ß→😀", "\u202e", "../..", "/", "/dev/null", ".", "happy", "nod", "0.5s", [], {}, [[]], [0, 1], [1, 0]),
    *([None], ["happy", "sad"], {"a": 1}, {"": ""}, [[[[[[[[[1]]]]]]]]], list(range(300))),
    *({"at": 0, "value": 1}, {"1": {"delta_yaw": 4}}),
)


def of_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bits, numbers and stretches changed, whatever the format; headers more often than the rest."""
    file = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        most = len(file) + 1 if rng.random() < 0.5 else min(len(file) + 1, 200)
        at, end = sorted(rng.randrange(most) for _ in range(2))
        how = rng.randrange(7)
        if how == 0 and at < len(file):
            file[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            width = rng.choice((1, 2, 4, 8))
            number = rng.choice(NUMBERS) % 256**width
            file[at : at + width] = number.to_bytes(width, rng.choice(("big", "little")))
        elif how == 2:
            del file[at : at + rng.choice((1, 2, 8, 64))]
        elif how == 3:
            file[at:at] = rng.randbytes(rng.choice((1, 2, 4, 32)))
        elif how == 4:
            file[at:at] = file[at : at + rng.choice((4, 64, 512))] * rng.choice((1, 2, 50))
        elif how == 5 and len(file) > 64:
            del file[rng.randrange(16, len(file)) :]
        elif how == 6:
            file[at:end] = rng.randbytes(min(end - at, 64))
    return bytes(file)


def of_parts(parts: list[Part], rng: random.Random, within: Callable[[Part], bytes | None]) -> list[Part]:
    """Parts dropped, repeated, moved, renamed, or changed inside; `within` changes one that nests others."""
    parts = list(parts)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not parts:
            break
        at = rng.randrange(len(parts))
        tag, content = parts[at]
        how = rng.randrange(8)
        nested = within((tag, content)) if how > 1 else None
        if nested is not None:
            parts[at] = (tag, nested)
        elif how == 0:
            del parts[at]
        elif how == 1:
            parts[at:at] = [parts[at]] * rng.choice((1, 2, 300))
        elif how == 2:
            parts.insert(rng.randrange(len(parts)), parts.pop(at))
        elif how == 3:
            parts[at] = (rng.choice(parts)[0], content)
        elif how == 4:
            parts[at] = (tag, rng.choice(parts)[1])
        elif how == 5 and len(content) >= 4:
            width = rng.choice((1, 2, 4, 8))
            place = rng.randrange(0, max(1, min(len(content), 256) - width + 1))
            number = (rng.choice(NUMBERS) % 256**width).to_bytes(width, rng.choice(("big", "little")))
            parts[at] = (tag, content[:place] + number + content[place + width :])
        else:
            parts[at] = (tag, of_bytes(content, rng))
    return parts


def of_boxes(data: bytes, rng: random.Random) -> bytes:
    """MP4, MOV, HEIC and AVIF: boxes within boxes, whose sizes fit again afterwards."""

    def within(part: Part) -> bytes | None:
        return of_boxes(part[1], rng) if part[0] in NESTING and len(part[1]) >= 8 else None

    parts, at = [], 0
    while at + 8 <= len(data):
        size, tag = struct.unpack_from(">I4s", data, at)
        size = size if 8 <= size <= len(data) - at else len(data) - at
        parts.append((tag, data[at + 8 : at + size]))
        at += size
    boxes = of_parts(parts, rng, within)
    return b"".join(struct.pack(">I4s", len(content) + 8, tag) + content for tag, content in boxes)


def of_riff(data: bytes, rng: random.Random) -> bytes:
    """WAV, AVI and WebP, and AIFF with its sizes the other way round."""
    order = ">" if data[:4] == b"FORM" else "<"

    def chunks(content: bytes) -> list[Part]:
        parts, at = [], 0
        while at + 8 <= len(content):
            tag, size = struct.unpack_from(f"{order}4sI", content, at)
            parts.append((tag, content[at + 8 : at + 8 + size]))
            at += 8 + size + size % 2
        return parts

    def joined(parts: list[Part]) -> bytes:
        return b"".join(
            struct.pack(f"{order}4sI", tag, len(content)) + content + b"\0" * (len(content) % 2)
            for tag, content in parts
        )

    def within(part: Part) -> bytes | None:
        tag, content = part
        if tag not in NESTING or len(content) < 12:
            return None
        return content[:4] + joined(of_parts(chunks(content[4:]), rng, within))

    content = data[8:12] + joined(of_parts(chunks(data[12:]), rng, within))
    return data[:4] + struct.pack(f"{order}I", len(content)) + content


def of_png(data: bytes, rng: random.Random) -> bytes:
    """PNG and APNG, with checksums that fit."""
    parts, at = [], 8
    while at + 12 <= len(data):
        size, tag = struct.unpack_from(">I4s", data, at)
        parts.append((tag, data[at + 8 : at + 8 + size]))
        at += 12 + size

    def packed(part: Part) -> bytes | None:
        if part[0] not in (b"IDAT", b"zTXt", b"iCCP") or rng.random() < 0.5:
            return None
        return zlib.compress(b"\0" * rng.choice((0, 10, 10_000, 300_000_000 if rng.random() < 0.02 else 9)))

    out = [data[:8]]
    for tag, content in of_parts(parts, rng, packed):
        out.append(struct.pack(">I", len(content)) + tag + content)
        out.append(struct.pack(">I", zlib.crc32(tag + content)))
    return b"".join(out)


def of_jpeg(data: bytes, rng: random.Random) -> bytes:
    """Segments before the scan, the scan as one of them."""
    parts, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        parts.append((data[at : at + 2], data[at + 4 : at + 2 + size]))
        at += 2 + size
    parts.append((b"", data[at:]))
    return data[:2] + b"".join(
        tag + (struct.pack(">H", min(len(content) + 2, 65535)) if tag else b"") + content
        for tag, content in of_parts(parts, rng, lambda part: None)
    )


def of_ogg(data: bytes, rng: random.Random) -> bytes:
    """Pages, with checksums that fit."""
    pages = [(b"OggS", page) for page in data.split(b"OggS")[1:]]
    out = []
    for tag, page in of_parts(pages, rng, lambda part: None):
        whole = bytearray(tag + page)
        if len(whole) >= 26:
            whole[22:26] = bytes(4)
            whole[22:26] = ogg_checksum(whole).to_bytes(4, "little")
        out.append(bytes(whole))
    return b"".join(out)


def ogg_checksum(page: bytes | bytearray) -> int:
    rest = 0
    for byte in page:
        rest = (rest << 8) & 0xFFFFFFFF ^ OGG_TABLE[rest >> 24 ^ byte]
    return rest


def _ogg_row(value: int) -> int:
    for _ in range(8):
        value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


OGG_TABLE = [_ogg_row(byte << 24) for byte in range(256)]


def of_media(data: bytes, rng: random.Random) -> bytes:
    """A picture, sound or video, by what its first bytes say it is."""
    if rng.random() < 0.25:
        return of_bytes(data, rng)
    if data[4:8] == b"ftyp":
        return of_boxes(data, rng)
    for start, change in STARTS:
        if data.startswith(start):
            return change(data, rng)
    return of_bytes(data, rng)


STARTS = (
    (b"RIFF", of_riff),
    (b"FORM", of_riff),
    (b"\x89PNG", of_png),
    (b"\xff\xd8", of_jpeg),
    (b"OggS", of_ogg),
)


def of_tree(value: Any, rng: random.Random, words: list[str]) -> Any:
    """Nested values with one place changed: a value, a key, or a group put elsewhere."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        entries = (
            node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        )
        for key, entry in entries:
            places.append((node, key))
            walk(entry)

    whole = json.loads(json.dumps(value))
    walk(whole)
    if not places or rng.random() < 0.02:
        return rng.choice(VALUES)
    node, key = rng.choice(places)
    how = rng.randrange(6)
    if how == 0:
        del node[key]
    elif how == 1 and isinstance(node, dict):
        node[rng.choice(words)] = node.pop(key)
    elif how == 2 and isinstance(node, dict):
        node[rng.choice((*words, "", "0", "-1", "1e9", "9" * 30, "1s", "~", "a b", "\x1b"))] = rng.choice(
            VALUES
        )
    elif how == 3 and isinstance(node, list):
        node += [node[key]] * rng.choice((1, 5, 300))
    elif how == 4:
        other, name = rng.choice(places)
        node[key] = json.loads(json.dumps(other[name])) if name in other or isinstance(other, list) else 0
    else:
        node[key] = rng.choice(VALUES)
    return whole


def of_values(suffix: str) -> Callable[[bytes, random.Random], bytes]:
    """Changes a YAML or JSON text by its keys, now and then its bytes too."""

    def change(data: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.2:
            return of_bytes(data, rng)
        values = yaml.safe_load(data)
        words = sorted(
            set(_words(values)) | {"at", "from", "to", "for", "frames", "always", "curves", "settings"}
        )
        for _ in range(rng.choice((1, 1, 2, 5))):
            try:
                values = of_tree(values, rng, words)
            except (IndexError, KeyError):
                continue  # the place has gone with another
        written = json.dumps(values) if suffix == ".json" else yaml.safe_dump(values, allow_unicode=True)
        text = written.encode("utf-8", "surrogatepass")
        return of_bytes(text, rng) if rng.random() < 0.1 else text

    return change


def _words(values: Any) -> list[str]:
    if isinstance(values, dict):
        return [str(key) for key in values] + [word for entry in values.values() for word in _words(entry)]
    return [word for entry in values for word in _words(entry)] if isinstance(values, list) else []


def of_table(data: bytes, rng: random.Random) -> bytes:
    """Changes a CSV by its cells and columns, now and then its quotes, its separators or its bytes."""
    if rng.random() < 0.2:
        return of_bytes(data, rng)
    rows = list(csv.reader(io.StringIO(data.decode())))
    for _ in range(rng.choice((1, 1, 2, 5))):
        row = rng.choice(rows)
        at = rng.randrange(max(1, len(row)))
        how = rng.randrange(7)
        if how == 0:
            del row[at : at + 1]
        elif how == 1:
            row[at : at + 1] = [str(rng.choice(VALUES))]
        elif how == 2:
            row[at:at] = [str(rng.choice(VALUES))] * rng.choice((1, 1, 2000))
        elif how == 3:
            rows += [list(row)] * (rng.choice((1, 50)) if len(row) < 100 else 1)
        elif how == 4:
            rows[0][rng.randrange(max(1, len(rows[0]))) :][:1] = []
            rows[0].append(
                rng.choice(("motion.seed", "a.b", ".", "x.", ".x", "output", "motion.a.b", "a" * 300))
            )
        elif how == 5:
            row[at : at + 1] = [rng.choice(rng.choice(rows) or [""])]
        else:
            rng.shuffle(rows)
        rows = [row for row in rows if row] or [["source"]]
    out = io.StringIO()
    style: Any = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    csv.writer(out, delimiter=rng.choice(",,;\t|"), quoting=style).writerows(rows)
    text = out.getvalue().encode("utf-8", "surrogatepass")
    return of_bytes(text, rng) if rng.random() < 0.1 else text


def of_graph(data: bytes, rng: random.Random) -> bytes:
    """An ONNX network with other nodes, shapes, weights and attributes."""
    import onnx
    from google.protobuf.message import DecodeError

    if rng.random() < 0.2:
        return of_bytes(data, rng)
    model = onnx.ModelProto()
    model.ParseFromString(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        try:
            _change_message(model, rng)
        except (DecodeError, ValueError, TypeError, IndexError):
            continue  # not a value of this field
    return bytes(model.SerializeToString())


def _change_message(message: Any, rng: random.Random) -> None:
    """One field of a message, or of one within it."""
    fields = message.ListFields()
    if not fields:
        return
    field, value = rng.choice(fields)
    repeated = hasattr(value, "append") or hasattr(value, "add")
    nested = field.message_type is not None
    if nested and rng.random() < 0.8:
        _change_message(rng.choice(value) if repeated else value, rng)
    elif repeated:
        at = rng.randrange(len(value))
        how = rng.randrange(4)
        if how == 0:
            del value[at]
        elif how == 1:
            value.extend([value[at]] * rng.choice((1, 3)))
        elif nested:
            value[at].CopyFrom(rng.choice(value))
        else:
            value[at] = _like(value[at], list(value), rng)
    elif nested or rng.random() < 0.2:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, _like(value, [value], rng))


def _like(value: Any, others: list[Any], rng: random.Random) -> Any:
    if isinstance(value, bytes):
        return of_bytes(value, rng)
    if isinstance(value, str):
        return rng.choice((*OPERATORS, *map(str, others), "", "x", "../../etc/passwd"))
    if isinstance(value, float):
        return rng.choice((0.0, -1.0, 1e38, float("nan"), float("inf")))
    return rng.choice((0, 1, 2, 3, 7, 11, 16, -1, 1 << 20, 2**31 - 1, -(2**31), 2**62, -(2**63), *others))


OPERATORS = (
    *(
        "Add",
        "Conv",
        "Gather",
        "Reshape",
        "Resize",
        "Slice",
        "Loop",
        "If",
        "Expand",
        "ConstantOfShape",
        "Scan",
    ),
    *("GridSample", "GridSample3D", "Concat", "Tile", "Range", "Pad", "Transpose", "Cast", "LSTM"),
)
