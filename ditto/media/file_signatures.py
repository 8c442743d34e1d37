"""Recognises files that are no media by their first bytes, for errors that say what they are."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

HEAD_BYTES = 4096  # bytes
MAGIC_BYTES = (  # the first bytes, what the file is, what to do
    (b"%PDF-", "a PDF document", "export what is in it"),
    (b"PK\x03\x04", "an archive or an office document", "unpack it, or export what is in it"),
    (b"Rar!", "an archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "an archive", "unpack it first"),
    (b"\x1f\x8b", "a compressed file", "unpack it first"),
    (b"8BPS", "a Photoshop document", "export it as PNG"),
    (b"gimp xcf", "a GIMP document", "export it as PNG"),
    (b"MThd", "a MIDI file, notes without sound", "record or export it as WAV"),
)
TEXT_MARKS = (  # what is in the beginning of a text, in small letters
    (rb"<svg[\s>]", "an SVG drawing", "export it as PNG"),
    (rb"<html[\s>]|<!doctype html", "a web page", "download the file that the page shows"),
    (rb"^#extm3u", "a playlist", "give the file it leads to"),
)
MEDIA_TEXTS = re.compile(rb"P[123]\s|YUV4MPEG2 ")  # pictures and videos that begin like a text
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}


def mistaken(path: Path) -> tuple[str, str] | None:
    """Kind of a file that is no media, and what to do about it, '' where that is plain.

    None where it may be media.
    """
    start = beginning(path)
    for first, kind, advice in MAGIC_BYTES:
        if start.startswith(first):
            return kind, advice
    if MEDIA_TEXTS.match(start) or not is_text(start):
        return None
    for pattern, kind, advice in TEXT_MARKS:
        if re.search(pattern, start.removeprefix(codecs.BOM_UTF8).lower()):
            return kind, advice
    return "a text", ""


def is_text(start: bytes) -> bool:
    """Whether these are first bytes of UTF-8 without control characters."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return bool(text) and not re.search("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", text)


def is_heic(path: Path) -> bool:
    """Whether it is a photo as iPhones take them."""
    start = beginning(path)
    if start[4:8] != b"ftyp":
        return False
    brands = {
        start[at : at + 4] for at in (8, *range(16, min(int.from_bytes(start[:4], "big"), HEAD_BYTES), 4))
    }
    return bool(brands & HEIC_BRANDS) and not brands & AVIF_BRANDS and start[8:12] in HEIC_BRANDS


def is_animated_webp(path: Path) -> bool:
    start = beginning(path)
    return start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and len(start) > 20 and bool(start[20] & 2)


def beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
