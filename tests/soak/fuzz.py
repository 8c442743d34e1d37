"""Changed files, read one after the other in a child with limits, which is started again when it dies.

    python tests/soak/fuzz.py KIND SECONDS FOLDER [SEED]   ends with 1 if anything is found
    python tests/soak/fuzz.py replay KIND FILE…            reads files as they are

A file is to be taken or refused: by an error of ours of one line, within 10 s a megabyte and 1 GB, with
nothing printed beside and no file left. A finding is one line, and a file KIND-SEED-NUMBER in FOLDER/found.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import logging
import math
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)

from cfg.errors import DittoError  # noqa: E402

KINDS = "tests.soak.fuzz_kinds"  # DITTO_FUZZ_KINDS names another module
MEMORY = 1 << 30  # bytes that one file may make the process grow by
ADDRESSES = 4 << 30  # bytes of addresses beyond those of a child that has read whole files
LARGEST_FILE = 1 << 30  # bytes written on the way
STARTING = 120.0  # seconds for the libraries and the whole files
MOST_FOUND = 20


def kind_of(name: str) -> Any:
    return importlib.import_module(os.environ.get("DITTO_FUZZ_KINDS", KINDS)).KINDS[name]


class Fuzz:
    """A run over one kind of files."""

    def __init__(self, name: str, folder: Path, seed: int) -> None:
        self.name, self.folder, self.seed = name, folder, seed
        self.number = 0  # of the file that is read
        self.known: set[str] = set()  # findings, without what differs between two of a kind
        (folder / "found").mkdir(parents=True, exist_ok=True)

    def run(self, seconds: float) -> bool:
        """Starts children until the time is over, and one file has been read; whether nothing was found."""
        print(f"{self.name}: seed {self.seed}", flush=True)
        end = time.monotonic() + seconds
        self._drive(end)
        while time.monotonic() < end and len(self.known) < MOST_FOUND:
            self.number += 1
            self._drive(end)
        print(f"{self.name}: {self.number + 1} files, {len(self.known)} findings", flush=True)
        return not self.known

    def _drive(self, end: float) -> None:
        """One child, until it dies, falls silent, or the time is over."""
        arguments = ["child", self.name, str(self.seed), str(self.number), str(self.folder)]
        with started(arguments, self.folder) as child:
            for told, text in heard(child, self.folder, end):
                if told == "reads":
                    self.number = int(text)
                else:
                    self._keep(text)

    def _keep(self, problem: str) -> None:
        """Tells of a finding, unless there was one like it; its file stays."""
        if re.match(kind_of(self.name).native, problem):
            return
        alike = re.sub(r"0x[0-9a-f]+|tmp\w+|\d+|'[^']*'|\S*/\S*", "", problem)[:300]
        if alike not in self.known:
            self.known.add(alike)
            print(f"{self._kept()}: {problem}", flush=True)

    def _kept(self) -> Path:
        """Where the file lies now; the child waits, or is no more."""
        case = next((self.folder / "room").glob("case.*"), self.folder / "said")
        kept = self.folder / "found" / f"{self.name}-{self.seed}-{self.number}{case.suffix}"
        kept.write_bytes(case.read_bytes())
        return kept


@contextlib.contextmanager
def started(arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child with empty folders of its own."""
    for name in ("room", "tmp"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "MALLOC_ARENA_MAX": "2"}
    with (folder / "said").open("wb") as said:
        command = [sys.executable, __file__, *arguments]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment
        )
    with child:
        try:
            yield child
        finally:
            child.kill()


def heard(child: subprocess.Popen[bytes], folder: Path, end: float = math.inf) -> Iterator[tuple[str, str]]:
    """What a child `reads` and has `found`; its death, or its silence, is the last thing found."""
    assert child.stdin is not None
    wait, begun = STARTING, 0
    while begun < 2 or time.monotonic() < end:
        line = next_line(child, wait)
        if line is None:
            yield "found", f"no answer in {wait:.0f} s"
            return
        if not line:
            if child.wait():
                yield "found", f"the process died: {how_ended(child)}: {last_words(folder)}"
            return
        told, text = line.split(" ", 1)
        if told == "reads":
            text, seconds = text.split()
            wait, begun = 1.5 * float(seconds), begun + 1
        yield told, text
        if told == "found":  # and the file has been kept
            child.stdin.write(b"\n")
            child.stdin.flush()


def next_line(child: subprocess.Popen[bytes], seconds: float) -> str | None:
    """What the child says next; '' where it has died, None where it says nothing for so long."""
    assert child.stdout is not None
    if not select.select([child.stdout], [], [], seconds)[0]:
        return None
    line = bytearray()
    while (letter := os.read(child.stdout.fileno(), 1)) not in (b"", b"\n"):
        line += letter
    return line.decode(errors="replace")


def how_ended(child: subprocess.Popen[bytes]) -> str:
    status = child.wait()
    return signal.Signals(-status).name if status < 0 else f"exit {status}"


def last_words(folder: Path) -> str:
    said = (folder / "said").read_text(errors="replace").split("\n")
    lines = [line.strip() for line in said[-20:] if line.strip()]
    return " | ".join(line for line in lines if not line.startswith("File "))


def allowed(kind: Any, case: Path) -> float:
    """Seconds for a file."""
    return float(kind.slowest * max(1.0, case.stat().st_size / 1e6))


def read_changed(name: str, seed: int, first: int, folder: Path, told: TextIO) -> None:
    """The child: one file after the other, each told before it is read."""
    kind = kind_of(name)
    room = folder / "room"
    whole = kept_examples(kind, folder / "whole")
    names = sorted(whole)
    for number in names:
        case = room / f"whole{Path(number).suffix}"
        case.write_bytes(whole[number])
        kind.read(case)
        case.unlink()
    reader = Reader(kind, folder)
    for number in count(first):
        rng = random.Random(f"{name} {seed} {number}")
        example = rng.choice(names)
        suffix = Path(example).suffix
        data = kind.change(suffix)(whole[example], rng)
        case = room / f"case{suffix}"
        case.write_bytes(data)
        print("reads", number, allowed(kind, case), file=told, flush=True)
        tell(reader, case, told)
        case.unlink()


def kept_examples(kind: Any, folder: Path) -> dict[str, bytes]:
    """The whole files, the same for every child of a run."""
    if not folder.exists():
        folder.mkdir()
        for name, data in kind.examples().items():
            (folder / name).write_bytes(data)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Reader:
    """Reads files within limits, and says what is wrong with how that goes."""

    def __init__(self, kind: Any, folder: Path) -> None:
        self._kind, self._folder = kind, folder
        logging.disable()
        gc.collect()
        gc.freeze()  # a collection after each file looks at what the file has left alone
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)  # as Python itself does
        addresses = ADDRESSES + status_of("VmSize")
        resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        faulthandler.enable()

    def problems(self, case: Path) -> Iterator[str]:
        seconds = allowed(self._kind, case)
        self._grant(4 * seconds)
        printed = os.fstat(2).st_size
        before = status_of("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
        began = time.perf_counter()
        try:
            self._kind.read(case)
        except DittoError as error:
            if not str(error).strip() or not str(error).isprintable():
                yield f"refused in other than one line: {type(error).__name__}: {str(error)!r}"
        except BaseException as error:
            places = traceback.extract_tb(error.__traceback__)
            way = " < ".join(f"{Path(place.filename).name}:{place.lineno}" for place in places[:-4:-1])
            yield f"{type(error).__name__}: {ascii(str(error))[:300]} at {way}"
        if (took := time.perf_counter() - began) > seconds:
            yield f"took {took:.1f} s"
        if (grown := status_of("VmHWM") - before) > MEMORY:
            yield f"grew by {grown >> 20} MiB"
        gc.collect()
        left = [path for name in ("room", "tmp") for path in (self._folder / name).iterdir() if path != case]
        if left:
            yield f"left {', '.join(path.name for path in left)} behind"
            for path in left:
                path.unlink()
        sys.stderr.flush()
        if os.fstat(2).st_size > printed:
            said = (self._folder / "said").read_bytes()[printed:].decode(errors="replace").splitlines()
            if strange := [line for line in said if not re.match(self._kind.noise, line)]:
                yield f"printed: {ascii(strange)[:400]}"

    @staticmethod
    def _grant(seconds: float) -> None:
        """Processor time from now on."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, hard))


def own_output() -> TextIO:
    """Where the child tells its parent; what a library prints goes to standard error."""
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return told


def status_of(name: str) -> int:
    """Bytes, by a line of the process's own status."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) << 10


def replay(name: str, cases: list[Path]) -> bool:
    """Reads files as they are; whether all went well."""
    well = True
    for case in cases:
        with (
            tempfile.TemporaryDirectory() as folder,
            started(["replayed", name, str(case.absolute()), folder], Path(folder)) as child,
        ):
            for told, text in heard(child, Path(folder)):
                if told == "found":
                    print(f"{case}: {text}")
                    well = False
    return well


def read_again(name: str, case: Path, folder: Path, told: TextIO) -> None:
    """The child that reads one file."""
    kind = kind_of(name)
    copy = folder / "room" / f"case{case.suffix}"
    copy.write_bytes(case.read_bytes())
    print("reads", 0, allowed(kind, copy), file=told, flush=True)
    tell(Reader(kind, folder), copy, told)


def tell(reader: Reader, case: Path, told: TextIO) -> None:
    for problem in reader.problems(case):
        print("found", problem, file=told, flush=True)
        sys.stdin.readline()  # until the file has been kept


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "child":
        read_changed(rest[0], int(rest[1]), int(rest[2]), Path(rest[3]), own_output())
    elif what == "replayed":
        read_again(rest[0], Path(rest[1]), Path(rest[2]), own_output())
    elif what == "replay":
        sys.exit(not replay(rest[0], [Path(path) for path in rest[1:]]))
    else:
        chosen = int(rest[2]) if len(rest) > 2 else random.SystemRandom().randrange(10**6)
        sys.exit(not Fuzz(what, Path(rest[1]).absolute(), chosen).run(float(rest[0])))
