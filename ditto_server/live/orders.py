"""Orders to a worker process when it begins, and its first word of itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ditto_server.live.faces import EngineFaces, FaceSource, MockFaces, Portrait
from ditto_server.live.ice import IceSettings
from ditto_server.live.limits import Limits
from ditto_server.live.outputs import OutputSettings

ENDING_SECONDS = 6.0  # in which the sessions of a worker may end in order


@dataclass(frozen=True, kw_only=True)
class Faces:
    """Faces that a process makes."""

    portraits: Sequence[str]  # files
    config: str = "mini_online"
    barge_in: float | None = None  # seconds
    mock: bool = False

    def source(self) -> FaceSource:
        files = [Path(name) for name in self.portraits]
        return MockFaces(files) if self.mock else EngineFaces(files, self.config, self.barge_in)


@dataclass(frozen=True, kw_only=True)
class Orders:
    """All that a worker is told."""

    faces: Faces
    limits: Limits = field(default_factory=Limits)
    ice: IceSettings = field(default_factory=IceSettings)
    outputs: OutputSettings = field(default_factory=OutputSettings)

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @staticmethod
    def of(line: bytes) -> Orders:
        told = json.loads(line)
        ice = {**told["ice"], "urls": tuple(told["ice"]["urls"])}
        return Orders(
            faces=Faces(**told["faces"]),
            limits=Limits(**told["limits"]),
            ice=IceSettings(**ice),
            outputs=OutputSettings(**told["outputs"]),
        )


@dataclass(frozen=True, slots=True)
class Hello:
    """First word of a worker: what it offers, or why it cannot."""

    portraits: Sequence[Portrait] = ()
    speaks: bool = False
    problem: str | None = None

    def line(self) -> bytes:
        portraits = [
            [one.name, one.title, base64.b64encode(one.thumbnail).decode()] for one in self.portraits
        ]
        said = {"portraits": portraits, "speaks": self.speaks, "problem": self.problem}
        return json.dumps(said).encode() + b"\n"

    @staticmethod
    def of(line: bytes) -> Hello:
        said = json.loads(line)
        portraits = [
            Portrait(name, title, base64.b64decode(picture)) for name, title, picture in said["portraits"]
        ]
        return Hello(portraits, bool(said["speaks"]), said["problem"])
