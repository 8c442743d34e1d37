"""A face in the agent's own process."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice.avatar import AvatarSession as BaseAvatarSession
from livekit.agents.voice.avatar import QueueAudioOutput

from ditto import Engine
from stream_pipeline.async_performer import begun
from stream_pipeline.face_opening import SPEECH_RATE, AnySource, OpenFace, face_opener
from stream_pipeline.live_face import LiveFace

from .generator import FaceRunner


class AvatarSession(BaseAvatarSession[Literal["metrics_collected"]]):
    """A portrait that speaks what an agent says, as a track of the agent's own participant."""

    def __init__(
        self,
        engine: Engine | str | Path = "mini_online",
        portrait: AnySource | None = None,
        *,
        rate: int = SPEECH_RATE,
        max_size: int = 512,
        face: OpenFace | None = None,
    ) -> None:
        """`engine` is loaded, or the name or file of a configuration; `face` opens another live face."""
        super().__init__()
        self._open = face_opener(engine, portrait, rate, max_size, face)
        self._opened: AbstractContextManager[LiveFace] | None = None
        self._runner: FaceRunner | None = None

    @property
    def avatar_identity(self) -> str:
        """The agent's own: it publishes the tracks."""
        return "" if self._room is None else self._room.local_participant.identity

    @property
    def provider(self) -> str:
        return "ditto"

    async def start(self, agent_session: AgentSession[Any], room: rtc.Room) -> None:
        """Loads the face and takes over the session's sound; start the session with `audio_output=False`."""
        await super().start(agent_session, room)
        try:
            opened = self._open()
            face = await begun(opened)
            self._opened = opened
            output = QueueAudioOutput(sample_rate=face.rate, wait_playback_start=True)
            self._runner = FaceRunner(face, room, output)
            await self._runner.start()
        except BaseException:
            await self.aclose()
            raise
        agent_session.output.replace_audio_tail(output)

    async def aclose(self) -> None:
        """Ends the face. May be called before `start`, and more than once."""
        if self._room is not None:  # the base would remove the participant, here the agent, from the room
            self._room.off("connection_state_changed", self._on_connection_state_changed)
            self._room = None
        await super().aclose()
        runner, self._runner = self._runner, None
        opened, self._opened = self._opened, None
        try:
            if runner is not None:
                await runner.aclose()
        finally:
            if opened is not None:
                await asyncio.to_thread(opened.__exit__, None, None, None)
