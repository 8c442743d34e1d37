"""Outputs of a session beside its viewers: a recording, a broadcast, a virtual camera."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from cfg.errors import ConfigError, DittoError, MediaError, StageError
from ditto.media.live_video import BROADCASTS
from ditto_server.live.problems import Problem
from stream_pipeline.live.outputs import LiveOutput, VirtualCamera, camera_library
from stream_pipeline.live_face import LiveFace

VIDEO = ".mp4"
RECORD, PUSH, CAMERA = "recording", "broadcast", "virtual camera"

log = logging.getLogger(__name__)

Failed = Callable[[DittoError], None]


@dataclass(frozen=True, kw_only=True)
class OutputSettings:
    """Outputs that every session has; what only one session can have is only for servers of one."""

    record: str | None = None  # a folder, or the name of an .mp4 file
    push: str | None = None  # an address with rtmp:// or rtmps://
    camera: str | None = None  # its device; empty is whichever there is

    def __post_init__(self) -> None:
        if self.push is not None and not self.push.lower().startswith(BROADCASTS):
            raise ConfigError(f"--push {self.push}: a broadcast goes to an address with rtmp:// or rtmps://")
        if self.record is not None:
            folder = Path(self.record).parent if self.names_file else Path(self.record)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(f"--record {self.record}: {error.strerror}: '{folder}'") from error
        if self.camera and Path(self.camera).is_file():
            raise ConfigError(f"--camera {self.camera}: this is a file; name portraits before --camera")
        if self.camera is not None:
            camera_library()

    @property
    def names_file(self) -> bool:
        return self.record is not None and self.record.lower().endswith(VIDEO)

    def max_sessions(self, asked: int | None) -> int | None:
        """Sessions at once, of so many that are asked for."""
        single = [
            option
            for option, given in (
                (f"--record {self.record}", self.names_file),
                ("--push", self.push is not None),
                ("--camera", self.camera is not None),
            )
            if given
        ]
        if single and asked not in (None, 1):
            raise ConfigError(
                f"{single[0]} is for one session at a time: --max-sessions must be 1, not {asked}"
            )
        return 1 if single else asked

    def file(self, avatar: str) -> Path:
        """A file for a recording that begins now, of a name that is free; it is there and empty."""
        assert self.record is not None
        stem = Path(self.record).stem if self.names_file else f"{time.strftime('%Y%m%d-%H%M%S')}-{avatar}"
        folder = Path(self.record).parent if self.names_file else Path(self.record)
        number = 1
        while True:
            file = folder / f"{stem}{'' if number == 1 else f'-{number}'}{VIDEO}"
            try:
                file.touch(0o600, exist_ok=False)
            except FileExistsError:
                number += 1
            except OSError as error:
                raise MediaError(f"{file}: cannot be written: {error.strerror}") from error
            else:
                return file


@dataclass
class Output:
    """One of a session's outputs, running or over."""

    kind: str
    file: str | None = None  # the name of a recording, without its folder
    running: LiveOutput | None = None
    problem: str | None = None  # why it is over, where nobody has ended it

    def name(self) -> str:
        """The name of a recording; a Problem where it has failed."""
        if self.problem is not None or self.file is None:
            raise Problem(503, self.problem or "the session is over")
        return self.file


class SessionOutputs:
    """Outputs of one session. Its methods may wait: not for the event loop's thread."""

    def __init__(
        self,
        face: LiveFace,
        avatar: str,
        settings: OutputSettings,
        recording: bool,
        failed: Callable[[], None],
    ) -> None:
        """`recording`: whether it begins with one, where the settings say so; `failed` is called from any
        thread when an output has ended by itself."""
        self.recording_wanted = settings.record is not None and recording  # until an operator stops it
        self._face, self._avatar, self._settings = face, avatar, settings
        self._failed = failed
        self._lock = threading.Lock()
        self._outputs: dict[str, Output] = {}
        self._closed = False

    def begin(self) -> None:
        """Begins all that every session has; one that cannot begin is told of, and the session goes on."""
        settings, face = self._settings, self._face
        with self._lock:
            if self.recording_wanted and RECORD not in self._outputs:
                self._record()
            if settings.push is not None:
                address = settings.push
                self._open(Output(PUSH), lambda failed: LiveOutput.to(face, address, failed))
            if settings.camera is not None:
                device = settings.camera or None
                camera = partial(VirtualCamera, face.size, device)
                self._open(Output(CAMERA), lambda failed: LiveOutput(face, camera(), failed))

    def record(self) -> str:
        """Begins another recording; gives the name of its file."""
        if self._settings.record is None:
            raise Problem(501, "this server records nothing; start it with --record FOLDER")
        with self._lock:
            if self.recorded and RECORD in self._outputs:
                raise Problem(409, f"the session is being recorded already, in {self._outputs[RECORD].file}")
            made = self._record()
            self.recording_wanted = made.problem is None
        return made.name()

    def stop_recording(self) -> str:
        """Ends the recording; gives the name of its file, which is whole, or a Problem where it is not."""
        with self._lock:
            recording = self._outputs.pop(RECORD, None) if self.recorded else None
            self.recording_wanted = False
        if recording is None or recording.running is None:
            raise Problem(409, "the session is not being recorded")
        recording.running.close()  # which tells how the last of it went
        return recording.name()

    def close(self) -> None:
        """Ends all; once the face is closed this waits for what is still to be written."""
        with self._lock:
            self._closed = True
            outputs, self._outputs = self._outputs, {}
        for output in outputs.values():
            if output.running is not None:
                output.running.close()

    @property
    def recorded(self) -> bool:
        """Whether a recording is being written, or is to be once the face goes on."""
        recording = self._outputs.get(RECORD)
        return self.recording_wanted and (recording is None or recording.problem is None)

    @property
    def processor_seconds(self) -> float:
        return sum(one.running.processor_seconds for one in tuple(self._outputs.values()) if one.running)

    @property
    def figures(self) -> list[dict[str, object]]:
        return [
            {"kind": one.kind, "file": one.file, "problem": one.problem}
            for one in tuple(self._outputs.values())
        ]

    def _record(self) -> Output:
        output = Output(RECORD)

        def opened(failed: Failed) -> LiveOutput:
            file = self._settings.file(self._avatar)
            output.file = file.name
            return LiveOutput.to(self._face, str(file), failed)

        return self._open(output, opened)

    def _open(self, output: Output, opened: Callable[[Failed], LiveOutput]) -> Output:
        """Called with the lock held."""

        def failed(error: DittoError) -> None:
            said = f"the {output.kind} of a session has ended"
            bug = error if isinstance(error, StageError) else None
            log.warning("%s: %s", said, without_keys(str(error), self._settings.push), exc_info=bug)
            output.problem = f"{said}; the server's log says why"
            self._failed()

        if not self._closed:
            self._outputs[output.kind] = output
            try:
                output.running = opened(failed).__enter__()
            except DittoError as error:
                failed(error)
        return output


def without_keys(text: str, address: str | None) -> str:
    """The text, in which of an address its server alone is left: what follows is what lets one send."""
    if address is None:
        return text
    parts = urlsplit(address)
    return text.replace(address, f"{parts.scheme}://{parts.hostname}")
