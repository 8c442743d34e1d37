"""Readers with a fault each, for the fuzzer to find: any changed file sets it off."""

import os
import sys
import tempfile
import time

from cfg.errors import DittoError
from tests.soak.fuzz_kinds import Kind

kept = []


def crash():
    os.abort()


def hang():
    time.sleep(60)


def raise_another_error():
    raise KeyError("lost")


def refuse_without_a_word():
    raise DittoError(" ")


def grow():
    kept.append(b"x" * (1100 << 20))


def leave_a_file():
    tempfile.mkstemp()


def print_beside():
    print("warning: odd", file=sys.stderr)


def refuse():
    raise DittoError("it is damaged; export it again")


def kind(fault):
    def read(path):
        if path.read_bytes() != b"0":
            fault()

    slowest = 0.5 if fault is hang else 20.0  # seconds
    return Kind(
        share=1, examples=lambda: {"a.bin": b"0"}, change=lambda suffix: changed, read=read, slowest=slowest
    )


def changed(data, rng):
    return b"1"


FAULTS = (
    crash, hang, raise_another_error, refuse_without_a_word, grow, leave_a_file, print_beside, refuse,
)  # fmt: skip
KINDS = {fault.__name__: kind(fault) for fault in FAULTS}
