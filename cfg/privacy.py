"""Switches off the usage reports of libraries, unless whoever runs the program has said otherwise.

Libraries read these variables when they are imported, and child processes inherit them: so they are set
with the first import of any package of this project. docs/privacy.md says what each library would do.
"""

from __future__ import annotations

import os

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime: device, processor, path of the interpreter, models
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, hf_xet and transformers: versions, transfers
    "IMAGEIO_NO_INTERNET": "1",  # imageio: fetches programs for formats that it cannot write itself
    "DO_NOT_TRACK": "1",  # what libraries of other authors agree on
}


def send_nothing() -> None:
    """Sets every switch that the environment leaves open."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
