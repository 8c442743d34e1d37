"""A precision that this processor only emulates is refused, and what to use instead is said.

Each case runs in a process of its own whose oneDNN is held down to AVX2.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytest.importorskip("torch")

from model_formats.processor import WANTED, lacks

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is held down on x86 only"
)
REFUSED = {
    "bf16": "bf16 is emulated by this processor, ten times slower than fp32 "
    "(it needs AVX-512 or AVX-NE-CONVERT, on ARM BF16); use fp32, or a GPU",
    "fp16": "fp16 is emulated by this processor, ten times slower than fp32 "
    "(it needs AVX512-FP16 or AVX-NE-CONVERT, on ARM FP16); use fp32, or a GPU",
}
OPENING = """
from pathlib import Path
import torch
from cfg.errors import ModelError
from ditto.packs.official.networks.checkpoint import network
from ditto.packs.official.networks.lmdm import LMDM
from ditto.packs.official.denoiser import TorchDenoiser
from model_formats.torch_file import TorchFile

for open in (
    lambda: TorchFile(Path("decoder.pth"), network("decoder"), "cpu", "{precision}"),
    lambda: TorchDenoiser(LMDM(20), "cpu", "{precision}"),
):
    try:
        open()
    except ModelError as error:
        print(error)
"""


def held_down(*arguments):
    """A Python whose oneDNN takes the processor for one with AVX2."""
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("precision", list(WANTED))
def test_neither_a_weight_file_nor_the_denoiser_is_opened_in_it(precision):
    said = held_down("-c", OPENING.format(precision=precision))
    assert said.stdout.splitlines() == [
        f"{what}: {REFUSED[precision]}" for what in ("decoder.pth", "denoiser")
    ]


def test_the_comparison_refuses_it_in_one_line():
    said = held_down("-m", "benchmarks.compare", "--only", "stitch", "--precision", "fp32,bf16")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.splitlines() == [f"--precision fp32,bf16: {REFUSED['bf16']}"]


def test_the_doctor_says_it_and_finds_nothing_wrong():
    said = held_down("-m", "ditto", "doctor")
    assert said.returncode == 0
    assert {f"[--] {reason}" for reason in REFUSED.values()} <= {*said.stdout.splitlines()}


def test_fp32_needs_nothing():
    assert lacks("fp32") is None
    assert lacks("stored") is None
