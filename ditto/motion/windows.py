"""Windows of motion that share frames, joined to one motion.

Only the head (scale, pose, translation) is averaged over neighbouring frames; the expression
stays as sharp as it was made.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ditto.arrays import Floats

HEAD_SLICE = slice(0, 202)  # the part of a motion vector that is averaged
MAX_SEAM_FRAMES = 10  # frames over which a jump between two windows is paid off, at most


def fade_weights(frames: int) -> Floats:
    """(frames, 1) share of the newer window: from 0, and short of 1."""
    weights: Floats = np.arange(frames, dtype=np.float32) / np.float32(max(frames, 1))
    return weights[:, None]


def smooth_head(frames: Floats, width: int, start: int, stop: int) -> Floats:
    """(n, 265) with the head of frames start..stop averaged over `width` frames around each.

    Beyond either end there is nothing to average, so the ends average over fewer. An even width
    counts one frame more, as it needs a middle.
    """
    if width <= 1:
        return frames
    half = width // 2
    smoothed: Floats = frames.copy()
    for i in range(start, stop):
        smoothed[i, HEAD_SLICE] = frames[max(0, i - half) : i + half + 1, HEAD_SLICE].mean(axis=0)
    return smoothed


def continued(window: Floats, overlap: int, last: Floats) -> Floats:
    """(n, 265) a window shifted so that its frame `overlap` - 1 is `last`; the shift fades after it."""
    shift = last - window[overlap - 1]
    fading = min(MAX_SEAM_FRAMES, len(window) - overlap)
    weights = np.zeros((len(window), 1), np.float32)
    weights[:overlap] = 1
    weights[overlap : overlap + fading] = 1 - (np.arange(fading, dtype=np.float32)[:, None] + 1) / fading
    shifted: Floats = window + shift * weights
    return shifted


class Joined(Protocol):
    """One motion out of windows, of which no more than two are kept."""

    @property
    def total(self) -> int:
        """Frames so far, counted from the first of the first window."""

    @property
    def settled(self) -> int:
        """Number of frames that no later window will change."""

    @property
    def before_next(self) -> Floats:
        """(265,) the frame just before the next window."""

    def add(self, window: Floats) -> None: ...

    def frames(self, start: int, stop: int) -> Floats: ...


class FadedWindows:
    """Each window fades into the next over the last `fade` frames they share.

    Those frames, and one beyond, are then averaged together with neighbours that were averaged
    already, when their own window was the newest.
    """

    def __init__(self, overlap: int, fade: int, smoothing: int) -> None:
        self.total = 0
        self._overlap = overlap
        self._fade = fade
        self._smoothing = smoothing
        self._weights = fade_weights(fade)
        self._kept = np.zeros((0, 0), np.float32)  # the last two windows' worth

    @property
    def settled(self) -> int:
        return self.total - self._fade

    @property
    def before_next(self) -> Floats:
        before: Floats = self._kept[len(self._kept) - self._overlap - 1]
        return before

    def add(self, window: Floats) -> None:
        if self.total == 0:
            self._kept = smooth_head(window, self._smoothing, 0, len(window))
            self.total = len(window)
            return
        new = window[self._overlap :]
        shared = slice(len(self._kept) - self._fade, len(self._kept))
        older, newer = self._kept[shared], window[self._overlap - self._fade : self._overlap]
        joined = np.concatenate([self._kept, new])
        joined[shared] = older * (1 - self._weights) + newer * self._weights
        joined = smooth_head(joined, self._smoothing, shared.start, min(shared.stop + 1, len(joined)))
        self._kept = joined[-2 * len(window) :]
        self.total += len(new)

    def frames(self, start: int, stop: int) -> Floats:
        dropped = self.total - len(self._kept)
        return self._kept[start - dropped : stop - dropped]


class ContinuedWindows:
    """Each window goes on from where the one before ended, so that no frame waits for the next window.

    The newer window's opinion of the last frame rarely is what was shown. It is shifted to be so,
    and the shift fades. The head is averaged with past frames only.
    """

    def __init__(self, overlap: int, smoothing: int) -> None:
        self.total = 0
        self._overlap = overlap
        self._back = smoothing // 2
        self._raw = np.zeros((0, 0), np.float32)  # a window's worth before averaging
        self._kept = np.zeros((0, 0), np.float32)  # two windows' worth after it

    @property
    def settled(self) -> int:
        return self.total

    @property
    def before_next(self) -> Floats:
        before: Floats = self._kept[len(self._kept) - self._overlap - 1]
        return before

    def add(self, window: Floats) -> None:
        if self.total == 0:
            self._raw = window
            self._kept = self._averaged(len(window))
            self.total = len(window)
            return
        new = (continued(window, self._overlap, self._raw[-1]) if self._overlap else window)[self._overlap :]
        self._raw = np.concatenate([self._raw, new])
        self._kept = np.concatenate([self._kept, self._averaged(len(new))])[-2 * len(window) :]
        self._raw = self._raw[-len(window) :]
        self.total += len(new)

    def frames(self, start: int, stop: int) -> Floats:
        dropped = self.total - len(self._kept)
        return self._kept[start - dropped : stop - dropped]

    def _averaged(self, count: int) -> Floats:
        """(count, 265) the newest frames, the head of each averaged with those before it."""
        newest: Floats = self._raw[-count:].copy()
        first = len(self._raw) - count
        for i in range(count):
            newest[i, HEAD_SLICE] = self._raw[
                max(0, first + i - self._back) : first + i + 1, HEAD_SLICE
            ].mean(axis=0)
        return newest
