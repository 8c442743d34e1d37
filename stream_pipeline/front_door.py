"""Entry points of the programs: what must hold before anything is loaded, and once its command is over."""

from __future__ import annotations

import signal

from stream_pipeline.standard_streams import prepare_streams

TYPE_CHECKING = False  # to import typing takes longer than all the rest here, and Ctrl-C is not met yet
if TYPE_CHECKING:
    from collections.abc import Callable


def enter(main: Callable[[], int]) -> int:
    """The exit code of a program. Outside its command, where nothing could be left behind, Ctrl-C ends it
    at once and without a word."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored: nohup, '&'
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    prepare_streams()
    return main()


def ditto() -> int:
    """`ditto-engine COMMAND …`, also `python -m ditto COMMAND …`."""

    def main() -> int:
        from stream_pipeline.commands import main as commands

        return commands()

    return enter(main)
