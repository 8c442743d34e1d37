"""Sends a video to an RTMP server from a process of its own, since connecting holds up all threads of one.

Run as `python -m ditto.media.broadcast` it sends the FLV that it reads to the address in DITTO_BROADCAST_TO:
in a list of processes anybody would see the key in it.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys

import av

from cfg.errors import MediaError
from ditto.media.files import first_line

READS = "pipe:0"
ADDRESS = "DITTO_BROADCAST_TO"  # variable of the environment
STALL_SECONDS = 5.0  # in which a server takes something, or has gone
END_SECONDS = 5.0  # for what is on its way when a broadcast ends


class Broadcast:
    """Takes the bytes of an FLV and has them sent; a write raises MediaError once the sender has ended."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._sender = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env={**os.environ, ADDRESS: address},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        assert self._sender.stdin is not None
        os.set_blocking(self._sender.stdin.fileno(), False)  # a server that takes nothing holds nobody up

    def write(self, data: bytes) -> int:
        assert self._sender.stdin is not None
        try:
            left = memoryview(data)
            while left:
                if not select.select([], [self._sender.stdin], [], STALL_SECONDS)[1]:
                    self._sender.kill()  # nor is anything more waited for
                    raise MediaError(f"{self._address}: the broadcast ended: its server takes no more")
                left = left[self._sender.stdin.write(left) or 0 :]
        except OSError as error:
            raise self._ended() from error
        return len(data)

    def close(self) -> None:
        """Waits until all of it is sent; raises MediaError where it could not be."""
        assert self._sender.stdin is not None
        self._sender.stdin.close()
        self._sender.stdin = None
        try:
            failed = self._sender.wait(END_SECONDS) != 0
        except subprocess.TimeoutExpired:
            self._sender.kill()
            failed = True
        if failed:
            raise self._ended()
        assert self._sender.stderr is not None
        self._sender.stderr.close()

    def kill(self) -> None:
        """Ends it at once."""
        self._sender.kill()
        self._sender.wait()
        for stream in (self._sender.stdin, self._sender.stderr):
            if stream is not None:
                stream.close()

    def _ended(self) -> MediaError:
        self._sender.kill()
        _, said = self._sender.communicate()
        lines = said.decode(errors="replace").strip().splitlines()
        return MediaError(f"{self._address}: the broadcast ended: {lines[-1] if lines else 'no answer'}")


def send(address: str) -> int:
    """Copies what is read to the address."""
    try:
        with av.open(READS, format="flv") as source, av.open(address, "w", format="flv") as target:
            streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
    except (OSError, av.FFmpegError) as error:
        print(first_line(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(send(os.environ[ADDRESS]))
