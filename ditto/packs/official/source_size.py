"""Size a source is rendered at."""

from __future__ import annotations


def render_size(height: int, width: int, longest: int = 1920, multiple: int = 2) -> tuple[int, int]:
    """Height and width, the longest side at most `longest` (0: any), both divisible by `multiple`."""
    if 0 < longest < max(height, width):
        if height > width:
            height, width = longest, round(width * longest / height)
        else:
            height, width = round(height * longest / width), longest
    return height - height % multiple, width - width % multiple
