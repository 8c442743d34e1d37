"""`ditto batch`: a folder of sounds, several portraits or a list of jobs, to a folder of videos."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cfg.errors import ConfigError, did_you_mean
from cfg.settings import Settings
from ditto.media.inputs import Inputs
from ditto.media.video_formats import ANIMATIONS, CODECS
from ditto.packs.registry import traits_of
from stream_pipeline.batches.jobs import name_in, printable
from stream_pipeline.commands import render
from stream_pipeline.commands.loading import leave_cores_to_stages
from stream_pipeline.options.paths import inputs_of

if TYPE_CHECKING:
    from stream_pipeline.batches.jobs import Job
    from stream_pipeline.batches.running import Outcome, Status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    render.add_arguments(parser)
    give = parser.add_argument
    give("--jobs", metavar="FILE", help="CSV or YAML list of jobs, instead of -i and -a")
    give("--suffix", default=".mp4", help="kind of the videos that are not named in a list (default .mp4)")
    give("--workers", type=int, help="videos made at a time on each device (default: as the cores allow)")
    give("--devices", metavar="LIST", help="cuda:0,cuda:1 or 'all': networks are loaded on each")
    give("--force", action="store_true", help="make finished videos again")


def batch(parsed: argparse.Namespace) -> int:
    """The exit code is 0 only when every video is there."""
    from stream_pipeline.batches.report import write_report
    from stream_pipeline.batches.running import Batch, check_jobs, shared_out
    from stream_pipeline.engine import Engine
    from stream_pipeline.recipe import named_files

    began = time.perf_counter()
    leave_cores_to_stages()
    settings = render.settings_from(parsed)
    render.check_files(parsed, settings)
    folder, jobs = wanted(parsed, settings)
    check_jobs(jobs, settings)
    devices = chosen_devices(parsed.devices, settings)
    workers = parsed.workers if parsed.workers is not None else workers_for(settings)
    if not 1 <= workers <= 64:
        raise ConfigError(f"--workers is {workers}, but must be from 1 to 64")
    settings = shared_out(settings, workers, os.cpu_count() or 1)
    shown = BatchProgress(quiet=parsed.quiet)
    engines: list[Engine] = []
    try:
        for device in devices:
            engines.append(Engine.load(replace(settings, pack=replace(settings.pack, device=device))))
        inputs = inputs_of(parsed) | Inputs(named_files(settings))
        run = Batch(engines, jobs, folder, workers=workers, force=parsed.force, watch=shown, inputs=inputs)
        outcomes = run.run()
    finally:
        for engine in engines:
            engine.close()
    shown.finish()
    took = time.perf_counter() - began
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    for warning in dict.fromkeys(warning for outcome in outcomes for warning in outcome.warnings):
        print(f"note: {warning}", file=sys.stderr)
    for line in failures(failed, folder):
        print(line, file=sys.stderr)
    page = write_report(outcomes, folder, took)
    if not parsed.quiet:
        kept = sum(outcome.state == "kept" for outcome in outcomes)
        made = len(outcomes) - kept - len(failed)
        print(f"{folder}: {made} made, {kept} kept, {len(failed)} failed, in {took:.1f} s; see {page}")
    return 1 if failed else 0


def wanted(parsed: argparse.Namespace, settings: Settings) -> tuple[Path, list[Job]]:
    """The folder the videos go to, and what is to be made."""
    from stream_pipeline.batches.jobs import jobs_of_folders, read_jobs

    parsed.output = parsed.output or parsed.result_dir
    if not parsed.output:
        raise ConfigError("the folder the videos go to is needed (-o)")
    if parsed.output == render.STREAM:
        raise ConfigError("-o - is for one video; a batch needs a folder")
    folder = Path(parsed.output)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file, but the videos need a folder (-o)")
    kinds = (*CODECS, *ANIMATIONS)
    if parsed.suffix not in kinds:
        raise ConfigError(f"--suffix is '{parsed.suffix}'{did_you_mean(parsed.suffix, kinds)}")
    if parsed.profile:
        raise ConfigError("--profile is of one video; remove it, or render that one alone")
    if parsed.say:
        raise ConfigError("--say makes one video; a batch needs sound files (-a) or a list (--jobs)")
    if parsed.jobs:
        if parsed.source or parsed.audio:
            raise ConfigError("--jobs names the portraits and sounds itself; remove -i and -a")
        return folder, read_jobs(Path(parsed.jobs), folder, parsed.suffix, settings.output.format)
    if not parsed.source or not parsed.audio:
        raise ConfigError("a portrait (-i) and a folder of sounds (-a) are needed, or a list (--jobs)")
    return folder, jobs_of_folders(Path(parsed.source), Path(parsed.audio), folder, parsed.suffix)


def failures(failed: Sequence[Outcome], folder: Path) -> Iterator[str]:
    """A line for each reason, with the video it is told of, or how many."""
    videos: dict[str, list[Job]] = {}
    for outcome in failed:
        videos.setdefault(outcome.error, []).append(outcome.job)
    for error, jobs in videos.items():
        first = name_in(folder, jobs[0])
        yield f"{first}: {error}" if len(jobs) == 1 else f"{len(jobs)} videos, such as {first}: {error}"


def chosen_devices(text: str | None, settings: Settings) -> list[str]:
    """The devices networks are loaded on."""
    if text is None:
        return [settings.pack.device]
    if text != "all":
        return [part.strip() for part in text.split(",")]
    try:
        import torch
    except ImportError:
        raise ConfigError("--devices all needs PyTorch to count the GPUs; name them: cuda:0,cuda:1") from None
    count = torch.cuda.device_count()
    if not count:
        raise ConfigError("--devices all finds no GPU; remove it to work on the processor")
    return [f"cuda:{n}" for n in range(count)]


def workers_for(settings: Settings) -> int:
    """Videos at a time: as many as the processor has cores for."""
    cores = traits_of(settings.pack.name).cores
    return max(1, (os.cpu_count() or 1) // cores) if cores else 1


class BatchProgress:
    """A line that says how far the batch is; without a terminal, a line for each video."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = not quiet and sys.stderr.isatty()
        self._began = self._shown = time.perf_counter()

    def __call__(self, status: Status, outcome: Outcome | None) -> None:
        now = time.perf_counter()
        if self._live and (outcome is not None or now - self._shown > 0.1):
            self._shown = now
            filled = 24 * status.finished // status.jobs
            speed = status.frames / max(now - self._began, 1e-6)
            sys.stderr.write(
                f"\r[{'#' * filled}{'-' * (24 - filled)}] {status.finished}/{status.jobs} videos, "
                f"{status.failed} failed  {speed:5.1f} fps "
            )
            sys.stderr.flush()
        elif outcome is not None and not self._quiet:
            print(f"{status.finished}/{status.jobs} {outcome.state} {printable(outcome.job.output)}")

    def finish(self) -> None:
        if self._live:
            sys.stderr.write("\n")
