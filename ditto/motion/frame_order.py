"""Playing order: a short sequence back and forth, and blinks at natural intervals."""

from __future__ import annotations

import random
from collections.abc import Sequence

MIN_OPEN_FRAMES = 60  # frames the eyes stay open between two blinks, at random: 2.4 s
MAX_OPEN_FRAMES = 100  # 4 s


def mirror_index(index: int, size: int) -> int:
    """Place in a sequence played forwards and backwards for ever; both ends are shown twice."""
    lap, place = divmod(index, size)
    return place if lap % 2 == 0 else size - 1 - place


def blink_schedule(
    length: int, blink_length: int, open_frames: int | Sequence[int], rng: random.Random
) -> list[int]:
    """For each of `length` frames the row of a blink of `blink_length` rows; 0 is open.

    `open_frames` between blinks: -1 never blinks, 0 draws anew each time, a number is kept, a list
    is gone through in turn. The eyes are open at the end.
    """
    schedule = [0] * max(length, 0)
    if open_frames == -1:
        return schedule
    pauses = [open_frames] if isinstance(open_frames, int) else list(open_frames)
    if pauses == [0]:
        pauses = []

    def pause(number: int) -> int:
        return pauses[number % len(pauses)] if pauses else rng.randint(MIN_OPEN_FRAMES, MAX_OPEN_FRAMES)

    start, number = pause(0), 1
    end = length - max(pause(-1), blink_length)
    while start < end:
        schedule[start : start + blink_length] = range(blink_length)
        start += blink_length + pause(number)
        number += 1
    return schedule
