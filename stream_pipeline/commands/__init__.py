"""The command line: one file a command, one place for errors and exit codes."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from cfg.errors import Cancelled, ConfigError, DittoError
from ditto.media.inputs import Inputs
from stream_pipeline.commands.parsing import AddArguments, Command, CommandParser, CommandPlugin, Parser
from stream_pipeline.front_door import OutputLost
from stream_pipeline.stall import report_on_signal, watchdog

log = logging.getLogger(__name__)

FAILED = 1
STOPPED = 130  # by Ctrl-C, as shells count it
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
INSTALLED_AS = "ditto-engine"
OWN = ("cfg", "checkpoints", "ditto", "model_formats", "stream_pipeline")
VENV_PYTHON = r".venv\Scripts\python" if os.name == "nt" else ".venv/bin/python"

WRITTEN = (
    "output",
    "result_dir",
    "to",
    "trt_dir",
    "json",
)  # options that say where something goes; others are read
LISTED = ("source", "audio")  # options that may name a folder, of which every file is read


@contextmanager
def needing_packages(program: str) -> Iterator[None]:
    """Importing what a program needs: one line and exit code 1 where this Python lacks the packages."""
    # Read when NumPy is first imported: threads of its products would wait busily while the stages work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with all_staying():
            yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OWN:
            raise
        sys.exit(
            f"{sys.executable} has no package '{error.name}': run 'make demo' once where the repository was "
            f"cloned, then '{VENV_PYTHON} {program} …'; or install this project into this Python"
        )


@contextmanager
def all_staying() -> Iterator[None]:
    """A block that loads: what it makes is never searched for garbage, not even when the program ends."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searched:
            gc.enable()


def main(arguments: Sequence[str] | None = None) -> int:
    """`ditto-engine COMMAND …`, also `python -m ditto COMMAND …`."""
    return guarded(parser_of_all(), arguments, lambda parsed: int(parsed.run(parsed)))


def parser_of_all() -> Parser:
    """The command line of all commands; `run` of what it parses is the command."""
    with needing_packages("-m ditto"):
        from stream_pipeline.commands import (
            batch,
            bench,
            config,
            convert,
            demo,
            doctor,
            download,
            export,
            render,
            script,
        )

    commands = {
        "render": CommandPlugin("a portrait and a voice to a video", render.add_arguments, render.render),
        "batch": CommandPlugin("many videos: folders or a list of jobs", batch.add_arguments, batch.batch),
        "demo": CommandPlugin("render the bundled portrait and speech", demo.add_arguments, demo.demo),
        "doctor": CommandPlugin(
            "what this machine can run, and what to install for more", doctor.add_arguments, doctor.doctor
        ),
        "script": CommandPlugin("check a script, or draw it over time", script.add_arguments, script.script),
        "config": CommandPlugin("show the settings in force", config.add_arguments, config.config),
        "download": CommandPlugin(
            "fetch the official checkpoints", download.add_arguments, download.download
        ),
        "convert": CommandPlugin("ONNX files to TensorRT engines", convert.add_arguments, convert.convert),
        "bench": CommandPlugin("how fast this machine runs each stage", bench.add_arguments, bench.bench),
        "export": CommandPlugin("official networks to ONNX files", export.add_arguments, export.export),
    }
    installed = Path(sys.argv[0]).stem == INSTALLED_AS
    called = INSTALLED_AS if installed else "python -m ditto"
    return CommandParser(called, "Talking heads from a portrait and a voice.", commands)


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
                inputs_of(parsed).check_not_read(*(Path(path) for path in paths_of(parsed, WRITTEN)))
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
        return STOPPED
    except DittoError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return FAILED
    except OutputLost as lost:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the program ends
        if not isinstance(lost.__cause__, BrokenPipeError):  # whoever reads, such as `head`, has read enough
            print(f"standard output: cannot be written: {lost}", file=sys.stderr)
        return FAILED
    except OSError as error:  # a disk, a folder or a limit of this machine
        log.debug("%s", error, exc_info=error)
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        print(" ".join(f"{where}{error.strerror or error}".split()), file=sys.stderr)
        return FAILED


def inputs_of(parsed: argparse.Namespace) -> Inputs:
    """Every file that a command line names, but for those it says are written."""
    read = vars(parsed).keys() - {*WRITTEN}
    return Inputs(paths_of(parsed, read), paths_of(parsed, LISTED))


def paths_of(parsed: argparse.Namespace, options: Iterable[str]) -> Iterator[str]:
    """What the command line says for these options, where it may be a path."""
    for option in options:
        said = getattr(parsed, option, None)
        yield from (text for text in (said if isinstance(said, list) else [said]) if isinstance(text, str))


class Stop:
    """What Ctrl-C, and what ends a service, do to a command: nothing unfinished is left behind."""

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
    if level.upper() not in LEVELS:
        raise ConfigError(f"DITTO_LOG is '{level}', but must be one of: {', '.join(LEVELS)}")
    logging.basicConfig(level=level.upper(), format="%(levelname)s: %(message)s")


def leave_cores_to_stages() -> None:
    """OpenCV works on one thread: several stages keep the cores busy, and more would only wait for them."""
    import cv2

    cv2.setNumThreads(1)
