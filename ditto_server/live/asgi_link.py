"""ASGI over a stream: a request that one process takes is answered by the application in another.

A connection carries one request or one WebSocket. A message of ASGI is sent as JSON, followed by the bytes
of a body or of a WebSocket's message: nothing that is received can be more than text and bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD = struct.Struct("!II")  # sizes of the JSON and of the bytes after it
MAX_BYTES = 16 << 20  # of either; what visitors may send is bounded far below
PAYLOADS = ("body", "bytes")
RAW = ("query_string", "raw_path")  # of a scope, bytes as headers are
PASSED = (
    *("type", "asgi", "http_version", "method", "scheme", "path", "root_path", "headers"),
    *("client", "server", "subprotocols", *RAW),
)
DENIAL = "websocket.http.response"
LOST: Mapping[str, Message] = {
    "http": {"type": "http.disconnect"},
    "websocket": {"type": "websocket.disconnect", "code": 1006},
}

log = logging.getLogger(__name__)


class LinkError(ConnectionError):
    """The other process has gone in the middle of an answer, or before it."""

    def __init__(self, began: bool) -> None:
        super().__init__("the process that answers has ended")
        self.began = began  # whether a part of the answer was passed on


def packed(message: Mapping[str, Any]) -> bytes:
    plain, payload = dict(message), b""
    for name in PAYLOADS:
        if isinstance(plain.get(name), (bytes, bytearray, memoryview)):
            payload = bytes(plain.pop(name))
            plain["payload"] = name
    text = json.dumps(plain, default=lambda raw: bytes(raw).decode("latin-1")).encode()
    return HEAD.pack(len(text), len(payload)) + text + payload


async def read(stream: asyncio.StreamReader) -> Message | None:
    """The next message; None where there is none any more."""
    try:
        text_size, payload_size = HEAD.unpack(await stream.readexactly(HEAD.size))
        if max(text_size, payload_size) > MAX_BYTES:
            return None
        message: Message = json.loads(await stream.readexactly(text_size))
        payload = await stream.readexactly(payload_size)
    except (asyncio.IncompleteReadError, OSError):
        return None
    if "headers" in message:
        message["headers"] = [(raw(name), raw(value)) for name, value in message["headers"]]
    for name in RAW:
        if isinstance(message.get(name), str):
            message[name] = raw(message[name])
    if "payload" in message:
        message[message.pop("payload")] = payload
    return message


def raw(text: str) -> bytes:
    return text.encode("latin-1")


async def answer(app: ASGIApp, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request, on the side of the application."""
    scope = await read(reader)
    if scope is None:
        writer.close()
        return
    is_socket = scope["type"] == "websocket"
    if is_socket:
        scope["extensions"] = {DENIAL: {}}

    async def receive() -> Message:
        return await read(reader) or dict(LOST[scope["type"]])

    async def send(message: Message) -> None:
        try:
            if writer.is_closing():
                raise ConnectionResetError
            writer.write(packed(message))
            await writer.drain()
        except OSError:  # as servers do: an answer that nobody waits for is no fault
            if is_socket:
                raise

    try:
        await app(scope, receive, send)
    except Exception as error:  # which the application has logged itself where it was a request
        if is_socket:
            log.error("%s", scope["path"], exc_info=error)
    finally:
        with contextlib.suppress(OSError):
            writer.write_eof()
            while await reader.read(
                HEAD.size << 10
            ):  # what was sent meanwhile: who closes first loses answers
                pass
        writer.close()


async def pass_on(scope: Scope, receive: Receive, send: Send, path: str) -> None:
    """One request, on the side that took it; LinkError where the other process is not there."""
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError as error:
        raise LinkError(began=False) from error
    visitor = Visitor(receive, writer)
    pumping = asyncio.ensure_future(visitor.pump(scope))
    began = complete = False
    try:
        while not complete and (message := await read(reader)) is not None:
            began = True
            complete = is_last(message)
            try:
                await send(message)
            except OSError:
                visitor.gone = True
    finally:
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
        writer.close()
    if visitor.refused is not None:
        raise visitor.refused
    if not complete and not visitor.gone:
        raise LinkError(began)


class Visitor:
    """The way from a visitor to the process that answers."""

    def __init__(self, receive: Receive, writer: asyncio.StreamWriter) -> None:
        self._receive, self._writer = receive, writer
        self.gone = False
        self.refused: Exception | None = None  # why what it sends is not passed on

    async def pump(self, scope: Scope) -> None:
        try:
            self._writer.write(packed({name: scope[name] for name in PASSED if name in scope}))
            while not self.gone:
                message = await self._receive()
                self.gone = message["type"] in ("http.disconnect", "websocket.disconnect")
                self._writer.write(packed(message))
                await self._writer.drain()
        except OSError:  # the other side tells
            return
        except Exception as error:
            self.refused = error
            self._writer.close()


async def ask(path: str, method: str, target: str, body: object = None) -> tuple[int, Any]:
    """The status and the JSON of an answer to a request of our own."""
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": target,
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": None,
        "server": None,
    }
    questions = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
    answered: list[Message] = []

    async def receive() -> Message:
        if questions:
            return questions.pop()
        await asyncio.Event().wait()  # until the answer is there
        raise AssertionError

    async def send(message: Message) -> None:
        answered.append(message)

    await pass_on(scope, receive, send, path)
    text = b"".join(message.get("body", b"") for message in answered)
    return int(answered[0]["status"]), json.loads(text)


def is_last(message: Message) -> bool:
    kind = message["type"]
    if kind in ("http.response.body", f"{DENIAL}.body"):
        return not message.get("more_body", False)
    return bool(kind == "websocket.close")
