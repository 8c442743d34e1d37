"""Kernels are compiled by the machine's compiler, or by Zig's where there is none of use."""

import ctypes
import importlib.util
import sys
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def build():
    """The build hook's module, loaded as the build loads it."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def needed(build):
    builder = WheelBuilder(str(ROOT))
    hook = build.KernelBuild(str(ROOT), {}, builder.config, builder.metadata, "", "wheel", builder.app)
    return hook.dependencies()


def test_without_a_compiler_the_build_asks_for_zigs(build, monkeypatch, tmp_path):
    monkeypatch.setenv("CC", str(tmp_path / "no-such-compiler"))
    assert build.own_compiler() is None
    assert needed(build) == [build.ZIG]


def test_a_compiler_that_knows_no_vectors_is_passed_over(build, monkeypatch, tmp_path):
    old = tmp_path / "cc"
    old.write_text("#!/bin/sh\necho 'error: unknown builtin' >&2\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setenv("CC", str(old))
    assert needed(build) == [build.ZIG]


def test_the_machines_compiler_is_used_where_it_will_do(build):
    if build.own_compiler() is None:
        pytest.skip("this machine has no C compiler of use")
    assert needed(build) == []


def test_what_does_not_compile_is_reported_with_the_compilers_words(build, tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'kernels.h: something is wrong' >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(Exception, match=r"failed:\nkernels\.h: something is wrong"):
        build.compiled(tmp_path, (str(broken),))


def test_zig_compiles_them_too(build, tmp_path):
    pytest.importorskip("ziglang", reason="needs the package ziglang, which a build fetches where it must")
    for path in build.compiled(tmp_path, (sys.executable, "-m", "ziglang", "cc")):
        assert ctypes.CDLL(str(path)).paint_moved
