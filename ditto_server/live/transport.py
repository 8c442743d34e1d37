"""The seam to a WebRTC library: one connection to one viewer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ditto.arrays import Floats
from ditto_server.live.events import Listener
from ditto_server.live.feed import ViewerOutlet
from ditto_server.live.ice import IceServer


@dataclass(frozen=True, slots=True, eq=False)
class ViewerWires:
    """Everything that goes to a viewer, and its commands."""

    outlet: ViewerOutlet  # pictures and sound
    events: Listener  # for its data channel
    command: Callable[[str | bytes], Awaitable[str]]  # from its data channel, and the answer


@dataclass(frozen=True, slots=True, eq=False)
class Wires:
    """Everything that a connection is joined to."""

    viewer: ViewerWires | None  # None where only its microphone is wanted
    hear: Callable[[Floats, int], Awaitable[None]]  # its microphone: mono samples and their rate
    ended: Callable[[], None]  # to be called once, whichever way it ends
    connect_seconds: float  # in which media must flow
    silent_seconds: float  # after which a viewer has gone that says nothing of what it receives


class Peer(Protocol):
    """A WebRTC connection. All methods are of the event loop."""

    async def answer(self, offer: str) -> str:
        """The SDP that answers an offer; a Problem where the offer makes no sense."""

    async def close(self) -> None:
        """Ends it; may be called twice."""


PeerMaker = Callable[[Wires, Sequence[IceServer]], Peer]
