"""Writes the checksums of the mini pack's files to checkpoints/mini/manifest.json."""

from __future__ import annotations

import json

from ditto.bundled import FOLDER, MANIFEST, digest


def main() -> None:
    listed = sorted(file for file in FOLDER.iterdir() if file.suffix in (".onnx", ".npz"))
    sums = {file.name: digest(file) for file in listed}
    MANIFEST.write_text(json.dumps({"sha256": sums}, indent=2) + "\n")
    for name, checksum in sums.items():
        print(checksum, name)


if __name__ == "__main__":
    main()
