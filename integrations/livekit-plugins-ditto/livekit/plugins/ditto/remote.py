"""A face in a process or on a machine of its own, reached by LiveKit's data streams."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from livekit import api, rtc
from livekit.agents import AgentSession
from livekit.agents.types import ATTRIBUTE_PUBLISH_ON_BEHALF
from livekit.agents.voice.avatar import AvatarSession as BaseAvatarSession
from livekit.agents.voice.avatar import DataStreamAudioOutput, DataStreamAudioReceiver

from ditto import Engine
from stream_pipeline.async_performer import begun
from stream_pipeline.face_opening import SPEECH_RATE, AnySource, OpenFace, face_opener

from .generator import FaceRunner

IDENTITY = "ditto-avatar"


def worker_token(
    room: str, agent: str, *, identity: str = IDENTITY, key: str | None = None, secret: str | None = None
) -> str:
    """A token with which a worker joins a room on behalf of its agent.

    Key and secret default to LIVEKIT_API_KEY and LIVEKIT_API_SECRET.
    """
    return (
        api.AccessToken(key, secret)
        .with_kind("agent")
        .with_identity(identity)
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .with_attributes({ATTRIBUTE_PUBLISH_ON_BEHALF: agent})
        .to_jwt()
    )


class RemoteAvatarSession(BaseAvatarSession[Literal["metrics_collected"]]):
    """The agent's half: its sound goes to a worker that joins the same room as `identity`."""

    def __init__(self, *, identity: str = IDENTITY, rate: int = SPEECH_RATE) -> None:
        super().__init__()
        self._identity = identity
        self._rate = rate

    @property
    def avatar_identity(self) -> str:
        return self._identity

    @property
    def provider(self) -> str:
        return "ditto"

    async def start(self, agent_session: AgentSession[Any], room: rtc.Room) -> None:
        """Takes over the session's sound; start the session with `audio_output=False`."""
        await super().start(agent_session, room)
        agent_session.output.replace_audio_tail(
            DataStreamAudioOutput(
                room,
                destination_identity=self._identity,
                sample_rate=self._rate,
                wait_remote_track=rtc.TrackKind.KIND_VIDEO,
                wait_playback_start=True,
            )
        )


class AvatarWorker:
    """The worker's half: a portrait that speaks what it is sent in a room."""

    def __init__(
        self,
        engine: Engine | str | Path = "mini_online",
        portrait: AnySource | None = None,
        *,
        rate: int = SPEECH_RATE,
        max_size: int = 512,
        face: OpenFace | None = None,
    ) -> None:
        """As for `AvatarSession`."""
        self._open = face_opener(engine, portrait, rate, max_size, face)

    async def run(self, room: rtc.Room, agent: str | None = None) -> None:
        """Serves a room that is connected, until it is cancelled or the face ends.

        `agent` is the identity of the participant that sends sound; without it, the first agent there.
        """
        opened = self._open()
        face = await begun(opened)
        try:
            serving = FaceRunner(face, room, DataStreamAudioReceiver(room, sender_identity=agent))
            try:
                await serving.start()
                await serving.runner.wait_for_complete()
            finally:
                await serving.aclose()
        finally:
            await asyncio.to_thread(opened.__exit__, None, None, None)
