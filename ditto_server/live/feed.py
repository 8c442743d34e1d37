"""One reader of a face, which encodes its frames once for all who watch it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

from cfg.errors import in_one_line
from ditto.rates import FRAME_RATE
from ditto_server.live.encoding import (
    MAX_BITRATE,
    MIN_BITRATE,
    Coded,
    PictureEncoder,
    SoundEncoder,
    VideoCodec,
)
from ditto_server.live.event_loop import call_in
from stream_pipeline.live_face import LiveFace, LiveFrame
from stream_pipeline.processor_time import processor_seconds

MAX_PICTURES = 2  # that wait for one viewer
MAX_SOUNDS = 10  # packets of 20 ms that wait for one viewer
KEY_FRAME_SECONDS = 0.3  # between those that viewers ask for
RATE_SECONDS = 2.0  # between changes of the bitrate
CONGESTED = 0.85  # share of what is sent; where less is said to go through, less is sent
RECOVERY = 1.5  # by which the limit grows again
SPACING = 0.02  # seconds between the two packets of a frame's sound

AnyOutlet = TypeVar("AnyOutlet", bound="Outlet")

log = logging.getLogger(__name__)


class Ended(Exception):
    """There is nothing more to send."""


class Outlet(ABC):
    """Pictures and sound on their way to one reader, once it is ready. Owned by the event loop."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._changed = asyncio.Event()
        self._needs_key = True
        self._ended = False
        self.ready = False  # once the reader is connected
        self.codec: VideoCodec | None = None  # None: sound alone
        self.bitrate = MAX_BITRATE  # that the way to the reader is said to carry

    @abstractmethod
    def put(self, pictures: list[Coded], sounds: list[Coded], now: float) -> None:
        """One frame more; what is too much for the reader is dropped."""

    def begin(self) -> None:
        """The reader is connected."""
        self.ready = True
        self._feed.begin()

    def request_key_frame(self) -> None:
        """The reader has lost the thread of the pictures."""
        if self.codec is not None:
            self._feed.request_key_frame(self.codec)

    def end(self) -> None:
        self._ended = True
        self._changed.set()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait(self) -> None:
        if self._ended:
            raise Ended
        await self._changed.wait()


class ViewerOutlet(Outlet):
    """Single pictures and packets of sound, for a viewer by WebRTC."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._pictures: deque[Coded] = deque()
        self._sounds: deque[tuple[float, Coded]] = deque()

    async def picture(self) -> Coded:
        while not self._pictures:
            await self._wait()
        return self._pictures.popleft()

    async def sound(self) -> Coded:
        while not self._sounds:
            await self._wait()
        due, packet = self._sounds.popleft()
        late = due - time.monotonic()
        if late > 0:
            await asyncio.sleep(late)
        return packet

    def put(self, pictures: list[Coded], sounds: list[Coded], now: float) -> None:
        for place, packet in enumerate(sounds):
            self._sounds.append((now + place * SPACING, packet))
        while len(self._sounds) > MAX_SOUNDS:
            self._sounds.popleft()
        for packet in pictures:
            if self._needs_key and not packet.key:
                continue
            self._needs_key = False
            self._pictures.append(packet)
        if len(self._pictures) > MAX_PICTURES:  # what follows cannot be decoded without them
            self._pictures.clear()
            self._needs_key = True
            self.request_key_frame()
        self._wake()


@dataclass
class FeedFigures:
    """Of all that was sent to all viewers of a session."""

    pictures: int = 0  # encoded
    repeated: int = 0  # frames that had no picture of their own
    bytes: int = 0  # of pictures
    bitrate: int = MAX_BITRATE  # limit in force
    encode_ms: float = 0.0  # of a picture, of late
    recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=FRAME_RATE * 2))

    @property
    def bits_per_second(self) -> int:
        if len(self.recent) < 2:
            return 0
        seconds = self.recent[-1][0] - self.recent[0][0]
        return round(8 * sum(size for _, size in self.recent) / max(seconds, 1e-3))


class Feed:
    """Reads a face on a thread of its own while somebody watches, and only then."""

    def __init__(
        self,
        face: LiveFace,
        loop: asyncio.AbstractEventLoop,
        lost: Callable[[str], None],
        early: bool = True,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        """`lost` is told, in the event loop, why the face has ended by itself. `early`: the face is read
        while a viewer connects, so that a picture is there at once; else it waits, and none is missed.
        `begun` is called whenever somebody begins to watch."""
        self._face = face
        self._loop = loop
        self._tell = lost
        self._early = early
        self._begun = begun
        self._lock = threading.Lock()
        self._outlets: tuple[Outlet, ...] = ()
        self._thread: threading.Thread | None = None
        self._keys: set[VideoCodec] = set()  # that are asked for
        self._closed = False
        self.figures = FeedFigures()

    def outlet(self, make: Callable[[Feed], AnyOutlet]) -> AnyOutlet:
        """Another reader's; it is fed from the moment it is ready. After `stop` it has ended already."""
        outlet = make(self)
        with self._lock:
            if not self._closed:
                self._outlets += (outlet,)
        if self._closed:
            outlet.end()
        elif self._early:
            self.begin()
        return outlet

    def begin(self) -> None:
        """Somebody watches."""
        self._begun()
        with self._lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._read, name="ditto-feed", daemon=True)
                self._thread.start()

    def remove(self, outlet: Outlet) -> None:
        outlet.end()
        with self._lock:
            self._outlets = tuple(other for other in self._outlets if other is not outlet)

    def request_key_frame(self, codec: VideoCodec) -> None:
        with self._lock:
            self._keys.add(codec)

    @property
    def viewers(self) -> int:
        """Readers who are connected and see the face."""
        return sum(outlet.ready and outlet.codec is not None for outlet in self._outlets)

    @property
    def processor_seconds(self) -> float:
        """That encoding has taken since somebody watches."""
        thread = self._thread
        return 0.0 if thread is None else processor_seconds([thread])

    def stop(self) -> None:
        """No frame is sent any more."""
        with self._lock:
            outlets, self._closed, self._outlets = self._outlets, True, ()
        for outlet in outlets:
            call_in(self._loop, outlet.end)

    def join(self) -> None:
        """Waits for the thread, once the face has ended: not for the event loop's thread."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _read(self) -> None:
        encoders: dict[VideoCodec, PictureEncoder] = {}
        pace = Pace()
        frames = self._face.frames()
        try:
            sound = SoundEncoder(self._face.rate)
            for frame in frames:
                with self._lock:
                    outlets = [outlet for outlet in self._outlets if outlet.ready]
                    if self._closed or not (self._outlets if self._early else outlets):
                        self._thread = None
                        return
                    asked, self._keys = self._keys, set()
                missed = self._encode(frame, outlets, encoders, sound, asked, pace)
                with self._lock:
                    self._keys |= missed
            reason = "its face was closed"
        except Exception as error:
            log.error("a face's frames are not sent any more", exc_info=error)
            reason = f"its face failed: {in_one_line(str(error))}"
        finally:
            if isinstance(frames, Generator):
                frames.close()
        call_in(self._loop, self._lost, reason)

    def _encode(
        self,
        frame: LiveFrame,
        outlets: list[Outlet],
        encoders: dict[VideoCodec, PictureEncoder],
        sound: SoundEncoder,
        asked: set[VideoCodec],
        pace: Pace,
    ) -> set[VideoCodec]:
        """Sends a frame to all; gives the codecs whose key frame has to wait for another picture."""
        began = time.monotonic()
        offered = min((outlet.bitrate for outlet in outlets), default=MAX_BITRATE)
        self.figures.bitrate = pace.bitrate(offered, self.figures.bits_per_second, began)
        wanted = {outlet.codec for outlet in outlets if outlet.codec is not None}
        for codec in set(encoders) - wanted:
            del encoders[codec]
        packets: dict[VideoCodec, list[Coded]] = {}
        missed = set(asked)
        if frame.image is None:
            self.figures.repeated += 1
        for codec in wanted if frame.image is not None else ():
            assert frame.image is not None
            encoder = encoders.get(codec)
            if encoder is None:
                encoder = encoders[codec] = PictureEncoder(codec, self.figures.bitrate)
            encoder.bitrate = self.figures.bitrate
            if codec in missed and pace.key_frame(codec, began):
                encoder.request_key_frame()
                missed.discard(codec)
            packets[codec] = encoder.encode(frame.image, frame.index)
        sounds = sound.encode(frame.sound, frame.index)
        self._count(packets, began)
        call_in(self._loop, self._deliver, outlets, packets, sounds, began)
        return missed & wanted

    def _count(self, packets: dict[VideoCodec, list[Coded]], began: float) -> None:
        if packets:
            size = sum(len(packet.data) for made in packets.values() for packet in made)
            self.figures.pictures += 1
            self.figures.bytes += size
            self.figures.recent.append((began, size))
            took = 1000 * (time.monotonic() - began)
            self.figures.encode_ms += 0.05 * (took - self.figures.encode_ms)

    @staticmethod
    def _deliver(
        outlets: list[Outlet], packets: dict[VideoCodec, list[Coded]], sounds: list[Coded], now: float
    ) -> None:
        for outlet in outlets:
            pictures = packets.get(outlet.codec, []) if outlet.codec is not None else []
            outlet.put(pictures, sounds, now)

    def _lost(self, reason: str) -> None:
        for outlet in self._outlets:
            outlet.end()
        if not self._closed:
            self._tell(reason)


class Pace:
    """Limits on key frames and on changes of the bitrate."""

    def __init__(self) -> None:
        self._keys: dict[VideoCodec, float] = {}
        self._bitrate = MAX_BITRATE
        self._changed = 0.0

    def key_frame(self, codec: VideoCodec, now: float) -> bool:
        if now - self._keys.get(codec, -KEY_FRAME_SECONDS) < KEY_FRAME_SECONDS:
            return False
        self._keys[codec] = now
        return True

    def bitrate(self, offered: int, sent: int, now: float) -> int:
        """The limit in force. A receiver's offer grows with what it gets, so it counts only where less than
        what is sent would go through: pictures are sharp from the first one."""
        if now - self._changed < RATE_SECONDS:
            return self._bitrate
        if offered < CONGESTED * sent:
            wanted = max(round(CONGESTED * offered), MIN_BITRATE)
        elif offered > sent:
            wanted = min(round(RECOVERY * self._bitrate), MAX_BITRATE)
        else:
            wanted = self._bitrate
        if wanted != self._bitrate:
            self._bitrate, self._changed = wanted, now
        return self._bitrate
