"""The face landmarker bundle ("face_landmarker.task"): a zip of TFLite networks, read as ONNX."""

from __future__ import annotations

import zipfile
import zlib
from functools import cached_property
from pathlib import Path

from cfg.errors import ModelError

DETECTOR = "face_detector.tflite"
LANDMARKS = "face_landmarks_detector.tflite"
MAX_NETWORK_BYTES = 32_000_000  # bytes; the real ones have 0.2 and 2.6 million


class TaskFile:
    """The two networks of the bundle; each is read and converted when first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def detector(self) -> bytes:
        """BlazeFace as an ONNX model."""
        return self._converted(DETECTOR)

    @cached_property
    def mesh(self) -> bytes:
        """The 478-point face mesh as an ONNX model."""
        return self._converted(LANDMARKS)

    def _converted(self, member: str) -> bytes:
        network = self._read(member)
        from ditto.faces.tflite import convert

        model: bytes = convert(network)
        return model

    def _read(self, member: str) -> bytes:
        try:
            with zipfile.ZipFile(self._path) as bundle, bundle.open(member) as stream:
                # a zip may claim any size, so only what is really unpacked counts
                network = stream.read(MAX_NETWORK_BYTES + 1)
        except KeyError:
            raise ModelError(
                f"{self._path}: holds no {member}; the face landmarker bundle is needed"
            ) from None
        except FileNotFoundError:
            raise ModelError(
                f"{self._path}: no such file. README, 'Checkpoints', says where to get it."
            ) from None
        except (
            OSError,
            RuntimeError,
            NotImplementedError,
            zipfile.BadZipFile,
            EOFError,
            zlib.error,
        ) as error:
            raise ModelError(f"{self._path}: cannot be read as a task bundle: {error}") from error
        if len(network) > MAX_NETWORK_BYTES:
            raise ModelError(
                f"{self._path}: {member} is larger than {MAX_NETWORK_BYTES} bytes; not a face network"
            )
        return network
