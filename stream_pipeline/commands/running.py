"""Running a command: errors of ours are one line, and Ctrl-C leaves nothing unfinished behind."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from cfg.errors import Cancelled, ConfigError, DittoError
from stream_pipeline.commands.parsing import AddArguments, Command, Parser
from stream_pipeline.options.paths import inputs_of, outputs_of
from stream_pipeline.stall import report_on_signal, watchdog
from stream_pipeline.standard_streams import OutputLost

log = logging.getLogger(__name__)

EXIT_FAILED = 1
EXIT_STOPPED = 130  # by Ctrl-C, as shells count it
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def run_command(
    program: str,
    purpose: str,
    add_arguments: AddArguments,
    command: Command,
    arguments: Sequence[str] | None,
) -> int:
    """A program that is one command."""
    parser = Parser(prog=program, description=purpose)
    add_arguments(parser)
    return guarded(parser, arguments, command)


def guarded(parser: Parser, arguments: Sequence[str] | None, command: Command) -> int:
    """The exit code of a command; an error of ours, or the system's about a file, is one line on standard
    error."""
    stop = Stop()
    try:
        with stop.heard():
            try:
                parsed = parser.parse_args(arguments)
                start_logging(os.environ.get("DITTO_LOG", "WARNING"))
                report_on_signal()
                inputs_of(parsed).check_not_read(*outputs_of(parsed))
                with watchdog(getattr(parsed, "debug_stall", None)):
                    return command(parsed)
            except Exception as error:
                if stop.asked:  # some libraries make another error of it, as when they are being imported
                    raise KeyboardInterrupt from error
                raise
            finally:
                sys.stdout.flush()
    except (KeyboardInterrupt, Cancelled):
        print("stopped", file=sys.stderr)
        return EXIT_STOPPED
    except DittoError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return EXIT_FAILED
    except OutputLost as lost:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the program ends
        if not isinstance(lost.__cause__, BrokenPipeError):  # whoever reads, such as `head`, has read enough
            print(f"standard output: cannot be written: {lost}", file=sys.stderr)
        return EXIT_FAILED
    except OSError as error:  # a disk, a folder or a limit of this machine
        log.debug("%s", error, exc_info=error)
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        print(" ".join(f"{where}{error.strerror or error}".split()), file=sys.stderr)
        return EXIT_FAILED


class Stop:
    """Handler of Ctrl-C and of termination: a command leaves nothing unfinished behind."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, *_: object) -> NoReturn:
        self.asked = True
        raise KeyboardInterrupt

    @contextmanager
    def heard(self) -> Iterator[None]:
        """A block in which both are listened to, unless they are ignored."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        usual = (signal.SIG_DFL, signal.default_int_handler)
        stops = (signal.SIGINT, signal.SIGTERM)
        before = {stop: handler for stop in stops if (handler := signal.getsignal(stop)) in usual}
        for stop in before:
            signal.signal(stop, self)
        try:
            yield
        finally:
            for stop, handler in before.items():
                signal.signal(stop, handler)


def start_logging(level: str) -> None:
    if level.upper() not in LOG_LEVELS:
        raise ConfigError(f"DITTO_LOG is '{level}', but must be one of: {', '.join(LOG_LEVELS)}")
    logging.basicConfig(level=level.upper(), format="%(levelname)s: %(message)s")
