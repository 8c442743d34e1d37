"""Compiled loops: what is declared is what is compiled, and every processor gives the same bits."""

import gc
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cfg.errors import ConfigError
from ditto.kernels import BASELINE, FOLDER, In, Kernel, Out, level, supported

ROOT = Path(__file__).parents[3]
TYPES = {
    "uint8_t": np.uint8,
    "uint32_t": np.uint8,  # pixels of four bytes
    "int32_t": np.int32,
    "int64_t": np.int64,
    "float": np.float32,
}
PAINT = """
import hashlib, sys
import numpy as np
from ditto.media.colour import to_video
from stream_pipeline.engine import Engine

digest = hashlib.sha256()
with Engine.load("mini", source={"max_size": 320}) as engine:
    avatar = engine.register(sys.argv[1])
    samples = np.sin(np.arange(16_000) / 9) * np.repeat([0.5, 0.05], 8_000)
    with engine.session(avatar) as session:
        session.push(samples.astype(np.float32))
        session.end()
        for frame in session.pictures():
            digest.update(frame.image.tobytes())
            planes = to_video(np.ascontiguousarray(frame.image[: len(frame.image) // 2 * 2]))
            for plane in planes.planes:
                rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
                digest.update(rows[:, : plane.width].tobytes())
print(digest.hexdigest())
"""


def prototypes():
    """{name: [(C type, is an array, is const)]} of every exported function."""
    text = "\n".join(path.read_text() for path in sorted(FOLDER.glob("*.c")))
    found = {}
    for name, arguments in re.findall(r"^KERNEL int (\w+)\((.*?)\)\n", text, re.S | re.M):
        plain = " ".join(arguments.replace("RESTRICT", "").split())
        found[name] = [
            (re.search(r"(\w+) \*? ?\w+$", part.strip()).group(1), "*" in part, "const " in part)
            for part in plain.split(",")
        ]
    return found


def declared():
    """{name: Kernel} of all that the modules which call kernels declare."""
    for package in ("ditto", "stream_pipeline"):
        for path in (ROOT / package).rglob("*.py"):
            if "Kernel(" in path.read_text() and path.parent != FOLDER:
                importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return {each.name: each for each in gc.get_objects() if type(each) is Kernel}


def test_every_compiled_loop_is_declared_once_and_the_other_way_round():
    assert sorted(declared()) == sorted(prototypes())


@pytest.mark.parametrize("name", sorted(prototypes()))
def test_a_declaration_says_what_the_c_function_takes(name):
    kinds = declared()[name].arguments
    wanted = []
    for kind, array, const in prototypes()[name]:
        if array:
            wanted.append((In if const else Out)(TYPES[kind]))
        else:
            wanted.append({"int64_t": int, "float": float}[kind])
    assert list(kinds) == wanted


def test_an_array_of_another_type_or_layout_is_refused_by_name():
    normalise = declared()["turn"]
    good = np.zeros((1, 2, 4), np.float32)
    with pytest.raises(TypeError, match="turn: argument 1 is float64"):
        normalise(good, good.astype(np.float64), good[0], 1, 2, 4)
    with pytest.raises(TypeError, match="must be contiguous float32, writable"):
        normalise(np.broadcast_to(good, good.shape), good, good[0], 1, 2, 4)
    with pytest.raises(TypeError, match="turn: argument 2"):
        normalise(good, good, np.zeros((2, 8), np.float32)[:, ::2], 1, 2, 4)


def test_the_best_level_is_taken_and_a_lower_one_where_it_is_named(monkeypatch):
    monkeypatch.delenv("DITTO_CPU", raising=False)
    assert level() == [*supported(), BASELINE][0]
    monkeypatch.setenv("DITTO_CPU", "baseline")
    assert level() == "baseline"


def test_a_level_this_processor_lacks_is_refused(monkeypatch):
    monkeypatch.setenv("DITTO_CPU", "x86-64-v9")
    with pytest.raises(ConfigError, match="DITTO_CPU is 'x86-64-v9', but this processor can run"):
        level()


def test_every_level_paints_the_same_bits():
    def painted(name):
        done = subprocess.run(
            [sys.executable, "-c", PAINT, str(ROOT / "examples" / "astronaut.jpg")],
            env={**os.environ, "DITTO_CPU": name},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    results = {painted(name) for name in [*supported(), BASELINE]}
    assert len(results) == 1
