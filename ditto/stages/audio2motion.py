"""Stage 4: motion generated from conditioned speech features, window by window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from cfg.errors import ConfigError
from ditto.arrays import Floats
from ditto.motion.identity_hold import Identity
from ditto.motion.smoothing import HeadSmoother
from ditto.motion.vector import LENGTH
from ditto.motion.windows import ContinuedWindows, FadedWindows, Joined, continued
from ditto.packs.base import EndingSampler, Sampler
from ditto.stages.messages import Conditions, Motion

OVERLAP_OFFLINE = 10
OVERLAP_ONLINE = 70
SMOOTHING_OFFLINE = 3
SMOOTHING_ONLINE = 13
ROOM = 3  # windows of rows
RECENT = 250  # frames made that may not have been shown yet


class ShownMotion:
    """Motion of the frame last shown, where frames are made ahead of that."""

    def __init__(self, shown: Callable[[], tuple[int, int] | None], begin: Floats | None = None) -> None:
        """`shown` tells the turn and index of that frame; `begin` (265,) stands for it before the first."""
        if begin is not None and (begin.shape != (LENGTH,) or not np.isfinite(begin).all()):
            raise ConfigError(f"pose has shape {begin.shape}, but must be {LENGTH} numbers: another's `pose`")
        self._shown = shown
        self.begin = begin
        self._made: deque[Motion] = deque(maxlen=RECENT)

    def made(self, motion: Motion) -> None:
        self._made.append(motion)

    @property
    def next(self) -> Floats | None:
        """(265,) of the frame after it, else of itself; None where neither is known. For any thread."""
        shown = self._shown()
        if shown is None:
            return self.begin
        found = None
        for made in tuple(self._made):
            if made.turn == shown[0] and made.index in (shown[1], shown[1] + 1):
                found = made.vector
        return found


class Audio2Motion:
    """One frame of motion for each row of conditions.

    Offline, a window starts `80 - overlap` rows after the one before and waits until it is full.
    Online, the rows of a window are mostly old ones (before the first there was silence), and it
    is made as soon as `80 - overlap` new ones are there. What comes out does not depend on how the
    rows were cut into messages.
    """

    name = "audio2motion"

    def __init__(
        self,
        sampler: Sampler,
        source: Floats,
        *,
        online: bool = False,
        overlap: int | None = None,
        smoothing: int | None = None,
        delay: int = 0,
        identity: Identity | None = None,
        limits: tuple[Floats, Floats] | None = None,
        silence: Floats | None = None,
        seed: int = 0,
        shown: ShownMotion | None = None,
    ) -> None:
        """`source` (265,) is the portrait's own motion, where the first window starts from.

        `smoothing`: frames that head motion is averaged over. `limits`: least and most of each
        motion number. Online only: `delay` is how many frames may be held back, so that one window
        fades into the next over so many; with 0 each goes on where the one before ended. `silence`
        (C,) is the row for what was before the first; without it the first row stands for it. `shown`
        tells the motion of the last frame that was shown before an interruption: the head goes on from
        there, at the beginning too. Without it every frame that was made counts as shown.
        """
        self._sampler = sampler
        self._online = online
        self._overlap = _either(overlap, OVERLAP_ONLINE if online else OVERLAP_OFFLINE)
        self._width = _either(smoothing, SMOOTHING_ONLINE if online else SMOOTHING_OFFLINE)
        if not 0 <= self._overlap < sampler.window:
            raise ConfigError(
                f"motion.overlap is {self._overlap}, but must be from 0 to {sampler.window - 1} "
                f"(one less than the {sampler.window} frames of a window)"
            )
        self._advance = sampler.window - self._overlap
        self._fade = min(delay, self._overlap, self._advance) if online else self._overlap
        self._identity = identity or Identity()
        self._limits = limits
        self._silence = silence
        self._seed = seed
        self._source = source
        self._turn = 0
        self._utterance = 0  # of this turn
        self._shown = shown
        self._last = None if shown is None else shown.begin  # the newest frame of the turn
        self._begin()

    def _begin(self) -> None:
        """Prepares for an utterance of which nothing is known yet."""
        self._rows = Rows(self._sampler.window)
        self._heard = 0  # rows
        self._joint = 0  # frames handed on to be averaged
        self._made = 0  # frames given
        self._windows = 0
        self._first = 0  # index of the utterance's first frame
        self._rng = np.random.default_rng((self._seed, self._turn, self._utterance))
        self._previous = self._source if self._last is None else self._last
        self._joined = self._new_joined()
        self._smoother = HeadSmoother(1 if self._online else self._width)

    def _new_joined(self) -> Joined:
        if self._online and not self._fade:
            return ContinuedWindows(self._overlap, self._width)
        return FadedWindows(self._overlap, self._fade, self._width)

    @property
    def _lead(self) -> int:
        """Frames of the first window that lie before the utterance."""
        return self._overlap if self._online else 0

    def process(self, item: Conditions) -> Iterator[Motion]:
        if not self._heard and len(item.rows):
            self._open(item)
        for row in item.rows:
            self._rows.append(row)
            self._heard += 1
            if self._rows.full:
                self._add_window()
                yield from self._settled(self._joined.settled - self._lead)

    def flush(self) -> Iterator[Motion]:
        if not self._heard:
            return
        while self._windows * self._advance < self._heard:
            self._rows.fill()
            self._add_window()
        yield from self._settled(self._heard, last=True)
        for frame in self._smoother.flush():
            yield self._motion(frame)
        self._utterance += 1
        self._begin()

    def interrupt(self, turn: int) -> None:
        """The head goes on from where it was to be seen next, so it neither jumps nor stands still."""
        self._turn = turn
        due = None if self._shown is None else self._shown.next
        self._last = self._last if due is None else due
        self._utterance = 0
        self._begin()

    def _open(self, item: Conditions) -> None:
        self._first = item.index
        before = item.rows[0] if self._silence is None else self._silence
        for _ in range(self._lead):
            self._rows.append(before)

    def _add_window(self) -> None:
        frames = self._sampler.sample(self._previous, self._rows.window, self._rng)
        if self._windows == 0 and self._lead and self._last is not None:
            frames = continued(frames, self._overlap, self._last)
        self._joined.add(frames)
        self._windows += 1
        reached = self._joined.before_next
        self._previous = self._identity.before_window(self._windows, self._source, reached)
        self._rows.advance(self._advance)

    def _settled(self, until: int, last: bool = False) -> Iterator[Motion]:
        """Frames of the utterance up to `until` that have not been given; its last ones, or not."""
        start = self._joint
        if until <= start:
            return
        self._joint = until
        frames = self._joined.frames(start + self._lead, until + self._lead)
        if last and isinstance(self._sampler, EndingSampler):
            frames = self._sampler.ended(frames, until)
        for frame in frames:
            for smooth in self._smoother.push(frame):
                yield self._motion(smooth)

    def _motion(self, frame: Floats) -> Motion:
        if self._limits is not None:
            frame = np.clip(frame, *self._limits)
        self._last = frame
        self._made += 1
        motion = Motion(self._turn, self._first + self._made - 1, frame)
        if self._shown is not None:
            self._shown.made(motion)
        return motion


class Rows:
    """Rows of conditions from the first one of the next window on, in one array."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._kept = np.zeros((0, 0), np.float32)  # room for several windows, so that rows seldom move
        self._first = self._end = 0

    def __len__(self) -> int:
        return self._end - self._first

    @property
    def full(self) -> bool:
        """Whether they are a whole window."""
        return len(self) == self._window

    @property
    def window(self) -> Floats:
        """(80, C), to be read before the next row comes."""
        rows: Floats = self._kept[self._first : self._end]
        return rows

    def append(self, row: Floats) -> None:
        if not len(self._kept):
            self._kept = np.zeros((ROOM * self._window, len(row)), np.float32)
        if self._end == len(self._kept):
            self._kept[: len(self)] = self.window.copy()
            self._first, self._end = 0, len(self)
        self._kept[self._end] = row
        self._end += 1

    def fill(self) -> None:
        """The last row, as often as a window lacks some."""
        last = self._kept[self._end - 1].copy()
        while not self.full:
            self.append(last)

    def advance(self, count: int) -> None:
        """The next window starts so many rows later."""
        self._first += count


def _either(chosen: int | None, usual: int) -> int:
    return usual if chosen is None else chosen
