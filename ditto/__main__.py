"""`python -m ditto COMMAND`: render, demo, doctor, config, download."""

from __future__ import annotations

import sys

from stream_pipeline.commands import main

if __name__ == "__main__":
    sys.exit(main())
