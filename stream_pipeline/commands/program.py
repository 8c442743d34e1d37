"""The program of all commands: `ditto-engine COMMAND …`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from stream_pipeline.commands.loading import needing_packages
from stream_pipeline.commands.parsing import CommandParser, CommandPlugin, Parser
from stream_pipeline.commands.running import guarded

INSTALLED_AS = "ditto-engine"


def main(arguments: Sequence[str] | None = None) -> int:
    """`ditto-engine COMMAND …`, also `python -m ditto COMMAND …`."""
    return guarded(parser_of_all(), arguments, lambda parsed: int(parsed.run(parsed)))


def parser_of_all() -> Parser:
    """Parser of all commands; `run` of what it parses is the command."""
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
