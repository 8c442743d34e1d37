"""Runs a command where no network answers, and writes down whom it tried to reach.

python alone.py REPORT COMMAND …, as root of user, network and mount namespaces of its own: whatever is
sent goes to the loopback device and is seen there; what would look names up for it is out of sight.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from pathlib import Path

EVERYTHING = 3  # kinds of packets
SETUP = (
    "mount -t tmpfs none /run",  # resolvers listen there, outside of the namespace
    "ip link set lo up",
    "ip addr add 10.9.9.9/8 dev lo",
    "ip route add default dev lo",
)


def main() -> int:
    report, *command = sys.argv[1:]
    for words in SETUP:
        subprocess.run(words.split(), check=True)
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERYTHING)) as seen:
        seen.setblocking(False)
        code = subprocess.run(command).returncode
        Path(report).write_text("\n".join(sorted(set(addressed(seen)))), encoding="utf-8")
    return code


def addressed(seen: socket.socket) -> list[str]:
    """The addressees of all packets, as `protocol to address:port`."""
    found = []
    while True:
        try:
            packet = seen.recv(65536)
        except BlockingIOError:
            return found
        header = 4 * (packet[0] & 15)
        if packet[0] >> 4 != 4:
            found.append(f"version {packet[0] >> 4}")
            continue
        kind = {6: "tcp", 17: "udp"}.get(packet[9], str(packet[9]))
        port = struct.unpack_from("!H", packet, header + 2)[0] if kind in ("tcp", "udp") else 0
        found.append(f"{kind} to {socket.inet_ntoa(packet[16:20])}:{port}")


if __name__ == "__main__":
    sys.exit(main())
