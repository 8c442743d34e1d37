"""Reads a video as numbered pictures, forward and backward, in bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np

from cfg.errors import MediaError
from ditto.arrays import Image
from ditto.media.animated_webp import as_video
from ditto.media.colour import to_picture
from ditto.media.file_signatures import is_animated_webp
from ditto.media.files import address, existing, first_line, has_codec
from ditto.media.picture import MAX_MOVING_PIXELS, fitted
from ditto.media.pyav_errors import DAMAGED

FRAME_CACHE_BYTES = 128 << 20  # bytes of decoded frames kept
MAX_SECONDS = 24 * 3600
MAX_LAST_PICTURE_SECONDS = Fraction(1)  # that it is shown for; with gaps, the mean rate tells nothing
MIN_KEPT_FRAMES, MAX_KEPT_FRAMES = 8, 256  # frames kept, whatever their size


class VideoSource:
    """The pictures of a video file; one thread asks at a time.

    Backward play decodes each group of pictures as few times as the memory allows. Only the times
    of the frames (16 bytes each) grow with the length of the video.
    """

    def __init__(
        self, path: str | Path, max_size: int | None = None, fps: Fraction | int | None = None
    ) -> None:
        """`fps` asks for pictures at a steady rate, whatever the rate of the file."""
        self._path = existing(path, "video")
        self._copy = as_video(self._path) if is_animated_webp(self._path) else None  # what is read instead
        self._max_size = max_size
        self._container = self._open()
        self._known: OrderedDict[int, av.VideoFrame] = OrderedDict()  # in the file's colours: half the size
        self._latest: tuple[int, Image] | None = None  # the picture last given
        self._size: tuple[int, int] | None = None  # width and height of the first picture given
        self._frames: Iterator[tuple[int, av.VideoFrame]] = iter(())
        self._next = 0  # frame the decoder gives next, at the least
        self._last_asked = -1
        self._room = MIN_KEPT_FRAMES  # frames that may be remembered at present
        self._timeless = False  # the file gives its frames no times: they are counted
        try:
            self._times, self._keys = self._index()
            self._shown = self._schedule(fps)
            self._frames = self._from_start()
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        return len(self._times) if self._shown is None else len(self._shown)

    def frame(self, index: int) -> Image:
        """(H, W, 3) RGB, upright. Raises IndexError past the last one."""
        if not 0 <= index < self.count:
            raise IndexError(f"{self._path}: frame {index} of {self.count}")
        wanted = index if self._shown is None else int(self._shown[index])
        if self._latest is not None and self._latest[0] == wanted:
            return self._latest[1]
        if wanted not in self._known:
            backward = wanted < self._last_asked
            self._room = self._fitting(backward)
            self._decode(max(0, wanted - self._room + 1) if backward else wanted, wanted)
        self._last_asked = wanted
        self._known.move_to_end(wanted)
        image = self._picture(self._known[wanted])
        self._latest = (wanted, image)
        return image

    def close(self) -> None:
        self._frames = iter(())
        self._known.clear()
        self._latest = None
        self._container.close()
        if self._copy is not None:
            self._copy.close()

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> av.container.InputContainer:
        try:
            container = av.open(address(self._path if self._copy is None else Path(self._copy.name)))
        except DAMAGED as error:
            raise MediaError(
                f"{self._path}: not a video this program reads ({first_line(error)}); "
                "give a picture (JPEG, PNG, WebP, …) or a video (MP4, MOV, MKV, WebM)"
            ) from error
        problem = ""
        video = next(iter(container.streams.video), None)
        if video is None:
            problem = "has no pictures; give a video or a portrait"
        elif not has_codec(video):
            problem = "its pictures have an unknown codec; export the video as MP4 (H.264)"
        else:
            video.thread_type = "AUTO"
            if video.width * video.height > MAX_MOVING_PIXELS:
                most = MAX_MOVING_PIXELS // 1_000_000
                size = f"{video.width} x {video.height}"
                problem = f"{size} is larger than {most} million pixels; make it smaller first"
            self.fps = Fraction(video.average_rate or video.guessed_rate or 25)
            self.has_sound = bool(container.streams.audio)
        if problem:
            container.close()
            raise MediaError(f"{self._path}: {problem}")
        return container

    def _index(self) -> tuple[list[int], list[int]]:
        """Time of every frame in the order shown, and which of them decoding can start at."""
        video = self._container.streams.video[0]
        times: list[int] = []
        keys: set[int] = set()
        try:
            for packet in self._container.demux(video):
                if packet.size == 0 or packet.is_discard:
                    continue
                if packet.pts is None:
                    return self._counted(), [0]
                times.append(packet.pts)
                if packet.is_keyframe:
                    keys.add(packet.pts)
        except DAMAGED as error:
            if not times:
                raise self._broken(error) from error
        if not times:
            raise MediaError(f"{self._path}: the video has no frames; export it again")
        times = sorted(set(times))
        return times, [i for i, time in enumerate(times) if time in keys] or [0]

    def _counted(self) -> list[int]:
        """Frame numbers in place of times, where the file has none: found by decoding it once."""
        self._reopen()
        try:
            count = sum(1 for _ in self._container.decode(self._container.streams.video[0]))
        except DAMAGED as error:
            raise self._broken(error) from error
        if not count:
            raise MediaError(f"{self._path}: the video has no frames; export it again")
        self._timeless = True
        return list(range(count))

    def _schedule(self, fps: Fraction | int | None) -> np.ndarray[tuple[int], np.dtype[np.int32]] | None:
        if fps is None:
            return None
        base = 1 / self.fps if self._timeless else self._container.streams.video[0].time_base
        assert base is not None
        rate = Fraction(fps)
        length = (self._times[-1] - self._times[0]) * base + min(1 / self.fps, MAX_LAST_PICTURE_SECONDS)
        self._check_length(length, base)
        count = max(1, int(-(-length * rate // 1)))
        tick = 1 / rate / base
        half = Fraction(1, 1000) / base  # containers round times, often to milliseconds
        whole = tick.denominator * half.denominator  # integers are a hundred times faster than fractions
        step, first = int(tick * whole), int(half * whole)
        moments = np.fromiter(((i * step + first) // whole for i in range(count)), np.int64, count)
        times = np.array([time - self._times[0] for time in self._times])
        return (np.searchsorted(times, moments, "right") - 1).astype(np.int32)

    def _check_length(self, length: Fraction, base: Fraction) -> None:
        """Raises MediaError where time stamps say that the video lasts for days."""
        if length <= MAX_SECONDS:
            return
        gaps = ((later - time, number) for number, (time, later) in enumerate(pairwise(self._times)))
        gap, number = max(gaps, default=(0, 0))
        raise MediaError(
            f"{self._path}: its time stamps say {float(length) / 3600:.0f} hours, but "
            f"{MAX_SECONDS // 3600} at most are read (the longest gap, {float(gap * base):.0f} s, is after "
            f"frame {number}); "
            "export the video again, or cut it"
        )

    def _fitting(self, backward: bool) -> int:
        """Number of frames worth caching: forward, only those of a video that fits as a whole."""
        if not self._known:
            return MIN_KEPT_FRAMES
        size = sum(plane.buffer_size for plane in next(iter(self._known.values())).planes)
        fitting = int(np.clip(FRAME_CACHE_BYTES // size, MIN_KEPT_FRAMES, MAX_KEPT_FRAMES))
        return fitting if backward or len(self._times) <= fitting else MIN_KEPT_FRAMES

    def _decode(self, first: int, last: int) -> None:
        """Remembers frames `first` to `last`."""
        key = self._keys[max(bisect_right(self._keys, first) - 1, 0)]
        if self._next > first or key > self._next:
            self._frames = self._from_key(key)
        try:
            for index, frame in self._frames:
                self._next = index + 1
                if index >= first:
                    self._remember(index, frame)
                if index >= last:
                    break
        except DAMAGED as error:
            if not self._known:
                raise self._broken(error) from error
        if last not in self._known:
            near = [i for i in self._known if i < last]
            if not near:
                raise MediaError(f"{self._path}: frame {last} cannot be decoded; export the video again")
            self._remember(last, self._known[max(near)])

    def _remember(self, index: int, frame: av.VideoFrame) -> None:
        self._known[index] = frame
        self._known.move_to_end(index)
        while len(self._known) > self._room:
            self._known.popitem(last=False)

    def _from_key(self, key: int) -> Iterator[tuple[int, av.VideoFrame]]:
        if key == 0 or self._timeless:
            return self._from_start()
        try:
            self._container.seek(self._times[key], stream=self._container.streams.video[0])
            frames = self._numbered()
            index, frame = next(frames)
        except (*DAMAGED, StopIteration):
            return self._from_start()
        if index > key:  # this container seeks past what was asked for
            return self._from_start()
        self._next = index
        return _before(index, frame, frames)

    def _from_start(self) -> Iterator[tuple[int, av.VideoFrame]]:
        self._reopen()
        self._next = 0
        return self._numbered()

    def _numbered(self) -> Iterator[tuple[int, av.VideoFrame]]:
        for number, frame in enumerate(self._container.decode(self._container.streams.video[0])):
            if self._timeless:
                yield number, frame
            elif frame.pts is not None:
                yield max(bisect_right(self._times, frame.pts) - 1, 0), frame

    def _reopen(self) -> None:
        self._container.close()
        self._container = self._open()

    def _picture(self, frame: av.VideoFrame) -> Image:
        image = to_picture(frame)
        turns = round(frame.rotation / 90) % 4
        if turns:
            image = np.rot90(image, turns)
        if self._max_size is not None:
            image = fitted(np.ascontiguousarray(image), self._max_size)
        if self._size is None:
            self._size = (image.shape[1], image.shape[0])
        if self._size != (image.shape[1], image.shape[0]):  # a stream may change its size on the way
            image = np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        return np.ascontiguousarray(image)

    def _broken(self, error: Exception) -> MediaError:
        return MediaError(f"{self._path}: the video is damaged ({first_line(error)}); export it again")


def _before(
    index: int, frame: av.VideoFrame, rest: Iterator[tuple[int, av.VideoFrame]]
) -> Iterator[tuple[int, av.VideoFrame]]:
    yield index, frame
    yield from rest
