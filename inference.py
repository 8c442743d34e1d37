"""One talking video from the command line: `inference.py -i portrait.png -a speech.wav -o out.mp4`."""

from __future__ import annotations

import sys

from stream_pipeline.front_door import enter


def main(arguments: list[str] | None = None) -> int:
    from stream_pipeline.commands import needing_packages, run_command

    with needing_packages("inference.py"):
        from stream_pipeline.commands.render import add_arguments, render
    return run_command("inference.py", __doc__ or "", add_arguments, render, arguments)


if __name__ == "__main__":
    sys.exit(enter(main))
