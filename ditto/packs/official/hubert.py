"""The official speech encoder, fed window by window while the voice arrives.

Not run on a GPU yet: tested on the processor.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cfg.errors import ConfigError, ModelError
from cfg.install_hints import installing
from ditto.arrays import Floats
from ditto.rates import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from model_formats.backend import Network, NetworkArray

if TYPE_CHECKING:
    from torch import nn

MARGIN_SAMPLES = 80  # samples by which a window is longer than its frames, so that no encoder row is short
ROWS_PER_FRAME = 2  # the encoder gives a row every 20 ms
ROW_WIDTH = 1024
LIVE = (3, 5, 2)  # frames of past, new and future sound in a window
WHOLE_FILE = (25, 200, 25)  # the same for encoders that want to see much at once


def frame_count(samples: int) -> int:
    """Frames that so many samples are seen for."""
    return -(-samples // SAMPLES_PER_FRAME)


def reference_frame_count(samples: int) -> int:
    """The original's count in floating point: one too many for some whole numbers of frames."""
    return math.ceil(samples / SAMPLE_RATE * FRAME_RATE)


@dataclass(frozen=True, slots=True)
class Framing:
    """Places of windows in the sound, and the count of rows a sound gets."""

    lead: int  # samples before the first window's first frame
    after: int  # samples after the future frames
    rows: Callable[[int], int]


def exact_framing(chunk: tuple[int, int, int]) -> Framing:
    """Windows that begin with the margin; rows are counted in integers."""
    return Framing(chunk[0] * SAMPLES_PER_FRAME + MARGIN_SAMPLES, 0, frame_count)


def reference_file_framing(chunk: tuple[int, int, int]) -> Framing:
    """The original's for whole files."""
    return Framing(chunk[0] * SAMPLES_PER_FRAME + MARGIN_SAMPLES, 0, reference_frame_count)


def reference_live_framing(chunk: tuple[int, int, int]) -> Framing:
    """The original's for live sound: 5 ms later, and every window gives all its rows."""
    past, new, _ = chunk

    def rows(samples: int) -> int:
        return new * -(-(samples + past * SAMPLES_PER_FRAME) // (new * SAMPLES_PER_FRAME))

    return Framing(past * SAMPLES_PER_FRAME, MARGIN_SAMPLES, rows)


class HubertStream:
    """Rows of features, each from a window of past, new and future frames around it."""

    def __init__(
        self,
        encoder: Network,
        chunk: tuple[int, int, int] = LIVE,
        framing: Callable[[tuple[int, int, int]], Framing] = exact_framing,
        width: int = ROW_WIDTH,
    ) -> None:
        past, new, future = chunk
        if min(past, future) < 0 or new < 1:
            raise ConfigError(f"audio.chunk is {chunk}: past and future from 0, new from 1 frame")
        self.width = width
        self._encoder = encoder
        self._new, self._future = new, future
        self._framing = framing(chunk)
        self._step = new * SAMPLES_PER_FRAME
        self._length = sum(chunk) * SAMPLES_PER_FRAME + MARGIN_SAMPLES
        self.lookahead = (new + future - 1) * SAMPLES_PER_FRAME + self._framing.after
        self.reset()

    def reset(self) -> None:
        self._sound = np.zeros(self._framing.lead, np.float32)  # from the next window's first sample on
        self._samples = 0
        self._given = 0

    def push(self, samples: Floats) -> Floats:
        self._samples += len(samples)
        self._sound = np.concatenate([self._sound, samples.astype(np.float32, copy=False)])
        found = []
        while len(self._sound) >= self._length:
            found.append(self._window())
        return self._stacked(found)

    def flush(self) -> Floats:
        wanted = self._framing.rows(self._samples) if self._samples else 0
        missing = wanted - self._given
        found = []
        for _ in range(-(-missing // self._new)):
            self._sound = np.pad(self._sound, (0, max(0, self._length - len(self._sound))))
            found.append(self._window())
        rows = self._stacked(found)[:missing]
        self.reset()
        return rows

    def hear(self, window: Floats) -> Floats:
        """(new, width) rows of one window of sound, each the mean of two of the encoder's."""
        outputs = self._encoder.run({"input_values": window[None]})
        encoded = np.asarray(next(iter(outputs.values()))).reshape(-1, self.width)
        stop = len(encoded) - self._future * ROWS_PER_FRAME
        start = stop - self._new * ROWS_PER_FRAME
        if start < 0:
            raise ModelError(
                f"speech encoder: {len(encoded)} rows for {len(window)} samples, but "
                f"{(self._new + self._future) * ROWS_PER_FRAME} are needed, one every 320 samples"
            )
        rows: Floats = encoded[start:stop].reshape(self._new, ROWS_PER_FRAME, self.width).mean(axis=1)
        return rows

    def _window(self) -> Floats:
        rows = self.hear(self._sound[: self._length])
        self._sound = self._sound[self._step :]
        self._given += self._new
        return rows

    def _stacked(self, found: list[Floats]) -> Floats:
        return np.concatenate(found) if found else np.zeros((0, self.width), np.float32)


class TransformersEncoder:
    """HuBERT or WavLM from a local folder in the layout of the `transformers` library."""

    def __init__(self, folder: Path, device: str = "cpu", *, tf32: bool = False) -> None:
        """`tf32`: whether the networks beside it round products to it; PyTorch has one switch for all."""
        if not (folder / "config.json").is_file():
            raise ModelError(f"{folder}: no config.json in it, so it is not the folder of a speech encoder")
        try:
            import torch
            from transformers import AutoModel
        except ImportError as error:
            raise ModelError(f"{folder}: needs PyTorch and transformers; {installing('hubert')}") from error
        self.kind: str = json.loads((folder / "config.json").read_text()).get("model_type", "unknown")
        if self.kind not in ("hubert", "wavlm"):
            raise ModelError(f"{folder}: holds a {self.kind} model, but hubert or wavlm is needed")
        from model_formats.torch_device import available, stream_ahead

        self._torch = torch
        self._device = available(device)
        self._tf32 = tf32
        self.network: nn.Module = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
        self.network.eval().to(self._device)
        self._stream = stream_ahead(self._device)
        self.width: int = self.network.config.hidden_size
        self.normalise = _normalises(folder)

    def run(self, feeds: Mapping[str, NetworkArray]) -> Mapping[str, NetworkArray]:
        sound = np.asarray(feeds["input_values"])
        if self.normalise:
            sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
        from model_formats.torch_device import computing, placed

        with computing(self._device, tf32=self._tf32, stream=self._stream):
            heard = self.network(placed(self._torch.from_numpy(np.ascontiguousarray(sound)), self._device))
            return {"encoding_out": heard.last_hidden_state[0].float().cpu().numpy()}


def _normalises(folder: Path) -> bool:
    """Whether the encoder was trained on sound of mean 0 and variance 1."""
    description = folder / "preprocessor_config.json"
    return description.is_file() and bool(json.loads(description.read_text()).get("do_normalize", False))


def local_speech_stream(
    encoder: TransformersEncoder, *, online: bool, chunk: tuple[int, int, int] = LIVE
) -> HubertStream:
    """HuBERT as the official pack uses it; WavLM in long windows, for sound that is all there."""
    if encoder.kind == "wavlm":
        if online:
            raise ConfigError(
                "pack.speech: WavLM hears a voice only in windows of ten seconds, too long to be live; "
                "use HuBERT, or stream.mode 'offline'"
            )
        chunk = WHOLE_FILE
    return HubertStream(encoder, chunk, width=encoder.width)
