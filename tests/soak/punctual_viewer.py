"""A viewer in a process of its own, which says how late pictures come: `punctual_viewer.py PORT OFFER`.

For each line of its input it prints a line of JSON: the pictures since the last one, and how many
milliseconds after the earliest they came, by the clock of the sender.
"""

import asyncio
import json
import sys
import time

import numpy as np

from tests.ditto_server.conftest import Live
from tests.soak.visitors import Watcher


async def watch(port, offer):
    delays, earliest, began = [], float("inf"), asyncio.Event()

    def picture(frame):
        delays.append(time.monotonic() - frame.pts / 90_000)
        began.set()

    asked = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    live = Live(port, None)
    async with Watcher(live, {"offer": offer}, picture=picture, sound=lambda frame: None) as watcher:
        await began.wait()
        print("up", flush=True)
        while await asked.readline():
            earliest = min([earliest, *delays])
            late = 1000 * (np.array(delays) - earliest)
            delays.clear()
            lost = sum(one.lost for one in watcher.packets.values())
            p50, p95 = np.percentile(late, (50, 95)).round(1).tolist() if len(late) else (0.0, 0.0)
            print(json.dumps({"pictures": len(late), "p50": p50, "p95": p95, "lost": lost}), flush=True)


if __name__ == "__main__":
    asyncio.run(watch(int(sys.argv[1]), sys.argv[2]))
