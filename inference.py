"""One talking video from the command line: `python inference.py -i portrait.png -a speech.wav -o out.mp4`."""

from __future__ import annotations

import sys

from stream_pipeline.commands import run_command
from stream_pipeline.commands.render import add_arguments, render


def main(arguments: list[str] | None = None) -> int:
    return run_command("inference.py", __doc__ or "", add_arguments, render, arguments)


if __name__ == "__main__":
    sys.exit(main())
