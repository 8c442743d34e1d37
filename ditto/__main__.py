"""`python -m ditto COMMAND`; `python -m ditto -h` names the commands."""

from __future__ import annotations

import sys

from stream_pipeline.front_door import ditto

if __name__ == "__main__":
    sys.exit(ditto())
