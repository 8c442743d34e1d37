"""The command line: one file a command, one place for errors and exit codes."""

from stream_pipeline.commands.loading import needing_packages
from stream_pipeline.commands.program import main, parser_of_all
from stream_pipeline.commands.running import run_command

__all__ = ["main", "needing_packages", "parser_of_all", "run_command"]
