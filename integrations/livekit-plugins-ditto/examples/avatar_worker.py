"""A face in a process of its own: `python avatar_worker.py URL TOKEN PORTRAIT`.

TOKEN comes from `ditto.worker_token(room, agent)`; the agent uses `ditto.RemoteAvatarSession`.
"""

import asyncio
import sys

from livekit import rtc
from livekit.plugins import ditto


async def main(url: str, token: str, portrait: str) -> None:
    room = rtc.Room()
    await room.connect(url, token)
    try:
        await ditto.AvatarWorker("mini_online", portrait).run(room)
    finally:
        await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
