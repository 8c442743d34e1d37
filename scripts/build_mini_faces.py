"""Write the face and person networks of checkpoints/mini, converted from MediaPipe's pinned wheel.

    python scripts/build_mini_faces.py [--wheel FILE] [--out checkpoints/mini]

Needs the extra 'build'. Without --wheel, pip fetches the package (36 MB).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pinned_wheel import PinnedWheel

from ditto.faces.tflite import convert

NETWORKS = PinnedWheel(
    package="mediapipe",
    version="0.10.21",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    licence="Apache-2.0",
)
MEMBERS = {
    "face_detector.onnx": "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "face_mesh.onnx": "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
    "person_mask.onnx": "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--wheel", type=Path, help=f"{NETWORKS.package} {NETWORKS.version}, already downloaded"
    )
    parser.add_argument("--out", type=Path, default=Path("checkpoints/mini"))
    args = parser.parse_args()
    for name, network in zip(MEMBERS, NETWORKS.read(list(MEMBERS.values()), args.wheel), strict=True):
        target = args.out / name
        target.write_bytes(convert(network))
        print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
