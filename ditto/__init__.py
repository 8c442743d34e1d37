"""A portrait and a voice go in, a talking video comes out.

`from ditto import Ditto` is the short way in, `Engine` the whole one; both live in `stream_pipeline`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import cfg  # noqa: F401 - before the libraries: cfg/privacy.py

if TYPE_CHECKING:
    from ditto.motion.script import Script
    from stream_pipeline.batches.loader import AudioBatchLoader
    from stream_pipeline.creator import Ditto
    from stream_pipeline.engine import Engine
    from stream_pipeline.sdk import StreamSDK

__all__ = ["AudioBatchLoader", "Ditto", "Engine", "Script", "StreamSDK"]

PLACES = {
    "AudioBatchLoader": "stream_pipeline.batches.loader",
    "Ditto": "stream_pipeline.creator",
    "Engine": "stream_pipeline.engine",
    "Script": "ditto.motion.script",
    "StreamSDK": "stream_pipeline.sdk",
}


def __getattr__(name: str) -> Any:
    if name in PLACES:
        return getattr(import_module(PLACES[name]), name)
    raise AttributeError(f"module 'ditto' has no attribute '{name}'")
