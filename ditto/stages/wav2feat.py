"""Stage 2: speech features of the voice, by the pack's encoder."""

from __future__ import annotations

from collections.abc import Iterator

from ditto.arrays import Floats
from ditto.packs.base import SpeechStream
from ditto.stages.messages import AudioChunk, Features


class Wav2Feat:
    """A row of features for every 40 ms of the voice, counted through the utterances of a turn."""

    name = "wav2feat"

    def __init__(self, stream: SpeechStream) -> None:
        self._stream = stream
        self._turn = 0
        self._frame = 0

    def process(self, item: AudioChunk | Features) -> Iterator[Features]:
        """Features that a caller brings along pass as they are."""
        if isinstance(item, Features):
            self._frame = item.index + len(item.rows)
            yield item
            return
        yield from self._counted(self._stream.push(item.samples))
        if item.pauses:
            yield from self._counted(self._stream.flush())

    def flush(self) -> Iterator[Features]:
        yield from self._counted(self._stream.flush())

    def interrupt(self, turn: int) -> None:
        self._stream.reset()
        self._turn = turn
        self._frame = 0

    def _counted(self, rows: Floats) -> Iterator[Features]:
        if len(rows):
            yield Features(self._turn, self._frame, rows)
            self._frame += len(rows)
