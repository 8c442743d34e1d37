"""Runs jobs on the available engines: portraits measured once, failures noted, nothing done twice."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cfg.atomic_write import part_of
from cfg.errors import Cancelled, ConfigError, DittoError, words_of
from cfg.reading import merge
from cfg.settings import Settings
from ditto.media.encode import check_output
from ditto.media.inputs import NONE, Inputs, place_of
from ditto.media.video_formats import CODECS, named
from ditto.motion.emotion import emotion_rows
from ditto.source.avatar import AnyAvatar
from stream_pipeline.batches.jobs import Job, check_outputs, printable
from stream_pipeline.batches.journal import NAME as JOURNAL
from stream_pipeline.batches.journal import Journal, recipe_of
from stream_pipeline.configuration import laid_over
from stream_pipeline.engine import Engine, read
from stream_pipeline.recipe import texts

log = logging.getLogger(__name__)

REPORT_FILES = ("report.json", "report.html")
DONE, KEPT, FAILED = "done", "kept", "failed"
MAX_KEPT_AVATARS = 8  # portraits kept measured at a time, for each engine


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a job."""

    job: Job
    state: str  # done, kept from an earlier run, failed
    frames: int = 0
    seconds: float = 0.0  # of work
    error: str = ""
    warnings: tuple[str, ...] = ()  # about its portrait or its voice, where it was made


@dataclass(slots=True)
class Status:
    """Progress of a batch; read by whoever shows it."""

    jobs: int
    finished: int = 0
    failed: int = 0
    kept: int = 0
    frames: int = 0  # painted


Watch = Callable[[Status, Outcome | None], None]  # an outcome, or just more frames


class Portraits:
    """Measured sources of one engine, each measured once however many jobs ask at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._known: dict[str, AnyAvatar] = {}  # the one asked for last is at the end
        self._users: Counter[str] = Counter()
        self._refused: dict[str, DittoError] = {}

    @contextmanager
    def of(self, job: Job) -> Iterator[AnyAvatar]:
        """The portrait of a job, kept for the next one that wants it."""
        over = dict(job.over.get("source", {}))
        key = repr((str(place_of(job.source)), sorted(over.items())))
        with self._lock:
            if key in self._refused:
                raise self._refused[key].with_traceback(None)
            try:
                avatar = self._known.pop(key, None) or self._engine.register(job.source, **over)
            except DittoError as error:
                self._refused[key] = error
                raise
            self._known[key] = avatar
            self._users[key] += 1
        try:
            yield avatar
        finally:
            with self._lock:
                self._users[key] -= 1
                unused = [known for known in self._known if not self._users[known]]
                for known in unused[: max(0, len(self._known) - MAX_KEPT_AVATARS)]:
                    self._engine.release(self._known.pop(known))


class Batch:
    """Jobs to be run; `run` may be called once."""

    def __init__(
        self,
        engines: Sequence[Engine],
        jobs: Sequence[Job],
        folder: Path,
        *,
        workers: int = 1,
        force: bool = False,
        watch: Watch | None = None,
        inputs: Inputs = NONE,
    ) -> None:
        """`workers` videos are made at a time on each engine; `force` makes finished ones again. `inputs`
        are read beside what the jobs name, and none of them is written over."""
        self._portraits = [Portraits(engine) for engine in engines]
        self._engines = engines
        self._jobs = [_ready(job, engines[0]) for job in jobs]
        check_outputs(self._jobs)
        self._inputs = inputs | Inputs(path for job in jobs for path in named_by(job))
        self._inputs.check(*(folder / name for name in (JOURNAL, *REPORT_FILES, *map(part_of, REPORT_FILES))))
        self._workers = workers
        self._force = force
        self._watch = watch or (lambda status, outcome: None)
        self._journal = Journal(folder)
        self._status = Status(len(self._jobs))
        self._outcomes: dict[int, Outcome] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._failure: BaseException | None = None  # of whoever watches

    def run(self) -> list[Outcome]:
        """Runs all jobs; outcomes in their order. An interruption stops all of them and is raised."""
        waiting: queue.SimpleQueue[tuple[int, Job]] = queue.SimpleQueue()
        for numbered in enumerate(self._jobs):
            waiting.put(numbered)
        threads = [
            threading.Thread(target=self._work, args=(engine, portraits, waiting), name=f"ditto-batch-{n}")
            for n in range(self._workers)
            for engine, portraits in zip(self._engines, self._portraits, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            self._stopped.set()
            for thread in threads:
                thread.join()
            raise
        if self._failure is not None:
            raise self._failure
        return [self._outcomes[n] for n in range(len(self._jobs))]

    def _work(
        self, engine: Engine, portraits: Portraits, waiting: queue.SimpleQueue[tuple[int, Job]]
    ) -> None:
        while not self._stopped.is_set():
            try:
                number, job = waiting.get_nowait()
            except queue.Empty:
                return
            outcome = self._outcome(engine, portraits, job)
            if outcome is not None:
                self._note(number, outcome)

    def _outcome(self, engine: Engine, portraits: Portraits, job: Job) -> Outcome | None:
        """None where the batch was stopped."""
        began = time.perf_counter()
        try:
            settings = engine.with_settings(job.over)
            recipe = recipe_of(job, settings)
            entry = None if self._force else self._journal.finished(job, recipe)
            if entry is not None:
                return Outcome(job, KEPT, entry.frames, entry.seconds)
            check_output(job.output, settings.output, self._inputs)
            with portraits.of(job) as avatar:
                voice = read(job.audio, settings)
                report = engine.render(avatar, voice, job.output, progress=self._progress, **job.over)
                warnings = warnings_of(job, avatar, voice.level.remark(normalised=settings.audio.normalise))
            took = time.perf_counter() - began
            self._journal.add(job, recipe, report.frames, took)
            return Outcome(job, DONE, report.frames, took, warnings=warnings)
        except Cancelled:
            return None
        except BaseException as error:  # nobody else would see that this thread has ended
            if not isinstance(error, DittoError):
                log.exception("%s", printable(job.output))
            words = printable(" ".join(words_of(error).split()))
            return Outcome(job, FAILED, 0, time.perf_counter() - began, words)

    def _progress(self, done: int, total: int) -> None:
        if self._stopped.is_set():
            raise Cancelled("the batch was stopped")
        with self._lock:
            self._status.frames += 1
            self._tell(None)

    def _note(self, number: int, outcome: Outcome) -> None:
        with self._lock:
            self._outcomes[number] = outcome
            self._status.finished += 1
            self._status.failed += outcome.state == FAILED
            self._status.kept += outcome.state == KEPT
            self._tell(outcome)

    def _tell(self, outcome: Outcome | None) -> None:
        try:
            self._watch(self._status, outcome)
        except BaseException as error:
            self._failure = error
            self._stopped.set()


def _ready(job: Job, engine: Engine) -> Job:
    """The job with the name its video will have; one that was cut short is gone on with where its
    kind allows it."""
    try:
        settings = engine.with_settings(job.over).output
    except ConfigError:
        return job  # it will fail in its turn, and say why
    output = named(job.output, settings.format)
    whole = output.suffix.lower() not in CODECS or settings.transparent
    over = dict(job.over) if whole else merge({"output": {"resume": True}}, job.over)
    return replace(job, output=output, over=over)


def named_by(job: Job) -> list[str | Path]:
    """Files that a job may read."""
    return [job.source, job.audio, *texts(job.over)]


def warnings_of(job: Job, avatar: AnyAvatar, heard: str) -> tuple[str, ...]:
    """Warnings of a job, each with the file it is about."""
    said = [f"{job.source}: {warning}" for warning in avatar.first.warnings]
    if heard:
        said.append(f"{job.audio}: {heard}")
    return tuple(printable(line) for line in said)


def check_jobs(jobs: Sequence[Job], settings: Settings) -> None:
    """Raises ConfigError, with the place in the list, where a job's settings are wrong."""
    right: set[str] = set()
    for job in jobs:
        try:
            key = repr(job.over)
            if key not in right:
                emotion_rows(laid_over(settings, job.over).condition.emotion)
                right.add(key)
        except ConfigError as error:
            raise ConfigError(f"{job.where}: {error}") from error


def shared_out(settings: Settings, workers: int, cores: int) -> Settings:
    """The same settings with the cores divided among the videos that are made at a time."""
    if workers < 2 or settings.pack.threads:
        return settings
    return replace(settings, pack=replace(settings.pack, threads=max(1, cores // workers)))
