"""A shop with a face on its page: its own server gets a token for each visitor, who never sees the key.

DITTO_LIVE_KEY=... python -m ditto live
DITTO_LIVE_KEY=... python examples/embedding/shop.py
"""

from __future__ import annotations

import argparse
import html
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

PAGE = Path(__file__).with_name("page.html")


def token(server: str, key: str, origin: str) -> str:
    """Permission to begin one session within ten minutes, from pages of `origin`."""
    wanted = {"origin": origin, "session_seconds": 600}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    asked = Request(f"{server}/v1/tokens", json.dumps(wanted).encode(), headers)
    with urlopen(asked, timeout=10) as answer:
        return str(json.load(answer)["token"])


def shop(server: str, key: str, port: int) -> ThreadingHTTPServer:
    """The shop's server, on this machine alone."""

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                self.send_error(404)
                return
            origin = f"http://127.0.0.1:{self.server.server_address[1]}"
            page = PAGE.read_text(encoding="utf-8").replace("SERVER", html.escape(server))
            page = page.replace("TOKEN", html.escape(token(server, key, origin)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Shop)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="a shop with a face on its page")
    parser.add_argument("--server", default="http://127.0.0.1:8765", help="address of the live server")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    with shop(given.server, os.environ["DITTO_LIVE_KEY"], given.port) as serving:
        print(f"open http://127.0.0.1:{given.port}/", flush=True)
        serving.serve_forever()
