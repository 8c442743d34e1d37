"""The live server as a user starts it, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cfg.errors import ConfigError

STOP_SECONDS = 15


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """`ditto live` with these arguments, at the address that is given."""
    port = free_port()
    command = [sys.executable, "-m", "ditto", "live", "--port", str(port), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if not process.stdout.readline().startswith("open "):
            raise ConfigError(f"the live server did not start: {' '.join(command)}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
