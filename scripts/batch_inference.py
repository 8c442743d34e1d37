"""Every sound of a folder spoken by one portrait: the options of `ditto batch` by other names."""

from __future__ import annotations

import argparse
import sys

from stream_pipeline.front_door import enter


def main() -> int:
    from stream_pipeline.commands import run_command
    from stream_pipeline.commands.batch import add_arguments, batch

    def arguments(parser: argparse.ArgumentParser) -> None:
        add_arguments(parser)
        parser.add_argument("--audio_dir", dest="audio", metavar="DIR", help="as -a")
        parser.add_argument("--output_dir", dest="output", metavar="DIR", help="as -o")

    return run_command("batch_inference.py", __doc__ or "", arguments, batch, None)


if __name__ == "__main__":
    sys.exit(enter(main))
