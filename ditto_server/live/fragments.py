"""Fragmented MP4 (ISO/IEC 14496-12) of pictures and sound that are encoded already: H.264 and Opus."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ditto.rates import FRAME_RATE
from ditto_server.live.encoding import PACKET_SECONDS, PICTURE_CLOCK, SOUND_CLOCK, Coded

PICTURES, SOUNDS = 1, 2  # numbers of the tracks
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)  # no turn, no scaling
KEY, DEPENDS = 0x02000000, 0x01010000  # flags of a sample
SET_OF_SEQUENCE, SET_OF_PICTURES, DELIMITER = 7, 8, 9  # NAL units that are no picture
PICTURE_TICKS = PICTURE_CLOCK // FRAME_RATE
SOUND_TICKS = int(PACKET_SECONDS * SOUND_CLOCK)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A picture or a packet of sound in a fragment."""

    data: bytes
    ticks: int  # of its track's clock that it lasts
    flags: int = KEY


class Fragments:
    """Cuts coded pictures and sound into fragments that begin with a key frame at time 0."""

    def __init__(self, height: int, width: int) -> None:
        self._size = (height, width)
        self._began: int | None = None  # ticks of the first picture
        self._sets: tuple[bytes, bytes] | None = None  # of parameters, as the reader knows them
        self._number = 0
        self._held: tuple[Coded, bytes] | None = None  # the latest picture, which lasts until the next

    def put(self, pictures: Sequence[Coded], sounds: Sequence[Coded]) -> Iterator[bytes]:
        """An initialisation segment where there is need of one, and a fragment."""
        shown: list[tuple[Coded, Sample]] = []
        for picture in pictures:
            sets, data = split_parameter_sets(picture.data)
            if self._began is None:
                self._began = picture.ticks
            if sets is not None and sets != self._sets:
                yield from self._fragment([*shown, *self._shown(picture.ticks)], ())
                shown.clear()
                self._sets = sets
                yield initialisation_segment(*sets, *self._size)
            shown += self._shown(picture.ticks)
            self._held = (picture, data)
        yield from self._fragment(shown, sounds)

    def flush(self) -> Iterator[bytes]:
        """The last picture, when there will be no other."""
        if self._held is not None:
            yield from self._fragment(self._shown(self._held[0].ticks + PICTURE_TICKS), ())

    def _shown(self, until: int) -> list[tuple[Coded, Sample]]:
        """The held picture, as it is known to last."""
        if self._held is None:
            return []
        (picture, data), self._held = self._held, None
        return [(picture, Sample(data, until - picture.ticks, KEY if picture.key else DEPENDS))]

    def _fragment(self, shown: Sequence[tuple[Coded, Sample]], sounds: Sequence[Coded]) -> Iterator[bytes]:
        began = self._began or 0
        tracks = []
        if shown:
            tracks.append((PICTURES, shown[0][0].ticks - began, [sample for _, sample in shown]))
        if sounds:
            at = sounds[0].ticks - began * SOUND_CLOCK // PICTURE_CLOCK
            tracks.append((SOUNDS, at, [Sample(packet.data, SOUND_TICKS) for packet in sounds]))
        if tracks:
            self._number += 1
            yield fragment(self._number, tracks)


def split_parameter_sets(data: bytes) -> tuple[tuple[bytes, bytes] | None, bytes]:
    """Parameter sets of an H.264 picture, where it has them, and its other NAL units after their sizes."""
    known: dict[int, bytes] = {}
    units = []
    for unit in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]:
        kind = unit[0] & 0x1F
        if kind in (SET_OF_SEQUENCE, SET_OF_PICTURES):
            known[kind] = unit
        elif kind != DELIMITER:
            units.append(struct.pack(">I", len(unit)) + unit)
    complete = SET_OF_SEQUENCE in known and SET_OF_PICTURES in known
    return (known[SET_OF_SEQUENCE], known[SET_OF_PICTURES]) if complete else None, b"".join(units)


def box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I", 8 + len(data)) + kind + data


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def initialisation_segment(sequence: bytes, pictures: bytes, height: int, width: int) -> bytes:
    """The initialisation segment, of two parameter sets."""
    decoder = struct.pack(">B3sBBH", 1, sequence[1:4], 0xFF, 0xE1, len(sequence)) + sequence
    decoder += struct.pack(">BH", 1, len(pictures)) + pictures
    sizes = struct.pack(">16xHHIIIH32xHh", width, height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    shown = box(b"avc1", struct.pack(">6xH", 1), sizes, box(b"avcC", decoder))
    opus = box(b"dOps", struct.pack(">BBHIhB", 0, 1, 0, SOUND_CLOCK, 0, 0))
    heard = box(b"Opus", struct.pack(">6xH8xHH4xI", 1, 1, 16, SOUND_CLOCK << 16), opus)
    moov = box(
        b"moov",
        full_box(
            b"mvhd", 0, 0, struct.pack(">8xIIIH10x", 1000, 0, 0x10000, 0x100), MATRIX, bytes(24), uint32(3)
        ),
        track(PICTURES, PICTURE_CLOCK, b"vide", full_box(b"vmhd", 0, 1, bytes(8)), shown, (width, height)),
        track(SOUNDS, SOUND_CLOCK, b"soun", full_box(b"smhd", 0, 0, bytes(4)), heard, (0, 0)),
        box(
            b"mvex",
            *(full_box(b"trex", 0, 0, struct.pack(">5I", id, 1, 0, 0, 0)) for id in (PICTURES, SOUNDS)),
        ),
    )
    return box(b"ftyp", b"iso6", bytes(4), b"iso6mp41") + moov


def uint32(value: int) -> bytes:
    return struct.pack(">I", value)


def track(id: int, clock: int, kind: bytes, header: bytes, entry: bytes, size: tuple[int, int]) -> bytes:
    """A track without samples, which come in fragments."""
    volume = 0x100 if kind == b"soun" else 0
    shape = MATRIX + struct.pack(">II", size[0] << 16, size[1] << 16)
    table = box(
        b"stbl",
        full_box(b"stsd", 0, 0, uint32(1), entry),
        *(full_box(name, 0, 0, uint32(0)) for name in (b"stts", b"stsc")),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, uint32(0)),
    )
    place = box(b"dinf", full_box(b"dref", 0, 0, uint32(1), full_box(b"url ", 0, 1)))
    return box(
        b"trak",
        full_box(b"tkhd", 0, 3, struct.pack(">8xI16xHHH2x", id, 0, 0, volume), shape),
        box(
            b"mdia",
            full_box(b"mdhd", 0, 0, struct.pack(">8xIIHH", clock, 0, 0x55C4, 0)),
            full_box(b"hdlr", 0, 0, bytes(4), kind, bytes(13)),
            box(b"minf", header, place, table),
        ),
    )


def fragment(serial: int, tracks: Sequence[tuple[int, int, Sequence[Sample]]]) -> bytes:
    """A fragment: for each track its number, the time of its first sample, and its samples."""
    size = len(moof(serial, tracks, 0))
    data = [sample.data for _, _, samples in tracks for sample in samples]
    return moof(serial, tracks, size + 8) + box(b"mdat", *data)


def moof(serial: int, tracks: Sequence[tuple[int, int, Sequence[Sample]]], at: int) -> bytes:
    """The head of a fragment, whose data begin at the byte `at` of it."""
    parts = []
    for id, time, samples in tracks:
        table = b"".join(struct.pack(">III", one.ticks, len(one.data), one.flags) for one in samples)
        parts.append(
            box(
                b"traf",
                full_box(b"tfhd", 0, 0x20000, uint32(id)),
                full_box(b"tfdt", 1, 0, struct.pack(">Q", time)),
                full_box(b"trun", 0, 0x701, struct.pack(">II", len(samples), at), table),
            )
        )
        at += sum(len(sample.data) for sample in samples)
    return box(b"moof", full_box(b"mfhd", 0, 0, uint32(serial)), *parts)
