"""A talking portrait for LiveKit Agents, rendered by the Ditto Engine on the agent's own machine."""

from livekit.agents import Plugin

from .avatar import AvatarSession
from .generator import FaceGenerator
from .log import logger
from .remote import AvatarWorker, RemoteAvatarSession, worker_token
from .version import __version__

__all__ = [
    "AvatarSession",
    "AvatarWorker",
    "FaceGenerator",
    "RemoteAvatarSession",
    "__version__",
    "worker_token",
]


class DittoPlugin(Plugin):
    def __init__(self) -> None:
        super().__init__(__name__, __version__, __package__ or __name__, logger)


Plugin.register_plugin(DittoPlugin())
