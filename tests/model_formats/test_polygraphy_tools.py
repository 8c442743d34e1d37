"""Polygraphy is imported where it is needed, installs nothing, and works with one TensorRT."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("polygraphy")

from cfg.errors import ModelError
from model_formats.polygraphy_tools import bind

pytestmark = pytest.mark.usefixtures("polygraphy_unbound")
WHOLE, RTX = (SimpleNamespace(__name__=name) for name in ("tensorrt", "tensorrt_rtx"))


def run(program, **environment):
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_nothing_is_installed_whatever_the_environment_says(tmp_path):
    installer = tmp_path / "installer"
    installer.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\nexit 1\n")
    installer.chmod(0o755)
    allowed = {"POLYGRAPHY_AUTOINSTALL_DEPS": "1", "POLYGRAPHY_INSTALL_CMD": str(installer)}
    wants = "from polygraphy import mod; mod.lazy_import('absent_library').anything"
    assert run(wants, **allowed).returncode == 1
    assert (tmp_path / "called").exists()  # as it would without us
    (tmp_path / "called").unlink()
    ours = "from types import SimpleNamespace as S; from model_formats.polygraphy_tools import bind; "
    tried = run(f"{ours}bind(S(__name__='tensorrt')); {wants}", **allowed)
    assert "'absent_library' is required but could not be imported" in tried.stderr
    assert not (tmp_path / "called").exists()


def test_the_program_starts_and_opens_models_without_polygraphy():
    program = (
        "import sys, stream_pipeline.commands.convert, model_formats.opening, model_formats.onnx_file; "
        "sys.exit(any(name.startswith('polygraphy') for name in sys.modules))"
    )
    assert run(program).returncode == 0


@pytest.mark.parametrize(("library", "extra"), [(WHOLE, "trt"), (RTX, "trt-rtx")])
def test_the_extra_that_brings_it_is_named_where_it_is_missing(monkeypatch, library, extra):
    monkeypatch.setitem(sys.modules, "polygraphy", None)
    with pytest.raises(ModelError, match=rf"needs Polygraphy: \S+ -m pip install -e .*\[{extra}\]'$"):
        bind(library)


def test_a_second_tensorrt_in_the_same_process_is_refused():
    bind(WHOLE)
    import polygraphy.util

    assert polygraphy.util is not None
    bind(WHOLE)
    with pytest.raises(ModelError, match="one TensorRT in a process, and not with tensorrt_rtx in this one"):
        bind(RTX)
