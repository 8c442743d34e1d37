"""Calls into an event loop from the threads of faces."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


def call_in(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    """Has an event loop call something soon, unless it is over. May be called from any thread."""
    with contextlib.suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(call, *arguments)
