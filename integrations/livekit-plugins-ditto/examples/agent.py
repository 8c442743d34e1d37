"""An agent with a face: `python agent.py dev`, with LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET set.

DITTO_PORTRAIT names the picture; models come from LiveKit's inference service and can be any others.
"""

import os

from livekit.agents import Agent, AgentSession, JobContext, WorkerOptions, cli
from livekit.agents.voice.room_io import RoomOptions
from livekit.plugins import ditto


async def entrypoint(ctx: JobContext) -> None:
    await ctx.connect()
    session = AgentSession(stt="deepgram/nova-3", llm="openai/gpt-4.1-mini", tts="cartesia/sonic-3")
    avatar = ditto.AvatarSession("mini_online", os.environ["DITTO_PORTRAIT"])
    await avatar.start(session, room=ctx.room)
    await session.start(
        agent=Agent(instructions="You are a friendly guide. Answer in one or two sentences."),
        room=ctx.room,
        room_options=RoomOptions(audio_output=False),  # the face speaks
    )
    session.generate_reply(instructions="Greet the visitor.")


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
