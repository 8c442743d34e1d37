"""A portrait and a voice go in, a talking video comes out.

`from ditto import Engine` is the way in; the engine itself lives in `stream_pipeline`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream_pipeline.engine import Engine
    from stream_pipeline.sdk import StreamSDK as Ditto

__all__ = ["Ditto", "Engine"]


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from stream_pipeline.engine import Engine

        return Engine
    if name == "Ditto":
        from stream_pipeline.sdk import StreamSDK

        return StreamSDK
    raise AttributeError(f"module 'ditto' has no attribute '{name}'")
