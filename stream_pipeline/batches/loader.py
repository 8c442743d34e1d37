"""Voices of a folder, read ahead, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cfg.argument_checks import path_of, whole_of
from cfg.errors import DittoError
from ditto.media.sound import Sound, read_sound
from stream_pipeline.batches.jobs import SOUND_SUFFIXES, files_in


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """A sound file of a batch; one that cannot be read says why instead of ending the batch."""

    path: Path
    sound: Sound | None
    error: DittoError | None = None


class AudioBatchLoader:
    """Iterates over the sounds of a folder in batches, the next of which is read meanwhile.

    >>> for batch in AudioBatchLoader("sounds", batch_size=4):
    ...     for voice in batch:
    ...         engine.render(avatar, voice.sound, f"out/{voice.path.stem}.mp4")
    """

    def __init__(
        self, folder: str | Path, batch_size: int = 1, *, normalise: bool = False, denoise: bool = False
    ) -> None:
        self._size = whole_of(batch_size, "batch_size", 1, 100_000)
        self.paths = files_in(path_of(folder, "folder of sounds"), SOUND_SUFFIXES, "sounds")
        self._normalise, self._denoise = normalise, denoise

    def __len__(self) -> int:
        """Batches in all."""
        return -(-len(self.paths) // self._size)

    def __iter__(self) -> Iterator[list[Voice]]:
        with ThreadPoolExecutor(1, "ditto-voices") as reader:
            ahead: list[Future[Voice]] = [reader.submit(self._read, p) for p in self.paths[: self._size]]
            for at in range(0, len(self.paths), self._size):
                batch = [future.result() for future in ahead]
                after = at + self._size
                ahead = [reader.submit(self._read, p) for p in self.paths[after : after + self._size]]
                try:
                    yield batch
                except GeneratorExit:
                    for future in ahead:
                        future.cancel()
                    raise

    def _read(self, path: Path) -> Voice:
        try:
            return Voice(path, read_sound(path, normalise=self._normalise, denoise=self._denoise))
        except DittoError as error:
            return Voice(path, None, error)
