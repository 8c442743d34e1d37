"""The reference's fades at the ends of a stream."""

from __future__ import annotations


def fade_curve(length: int, fade_in: int, fade_out: int) -> dict[int, float]:
    """fade_alpha by frame: where both fades fall on one frame the later counts, and frames outside the
    stream may be named."""
    last = length - 1
    rising = {frame: frame / fade_in for frame in range(max(fade_in, 0))}
    falling = range(last - fade_out, length) if fade_out > 0 else ()
    return {**rising, **{frame: (last - frame) / fade_out for frame in falling}}
