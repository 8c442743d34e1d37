"""What the libraries say of the processor when they are held down to AVX2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

SCRIPT = Path(__file__).parents[2] / "scripts" / "held_to_avx2.py"
ASKED = """
import json
import cv2
import torch
try:
    from numpy._core._multiarray_umath import __cpu_dispatch__ as loops, __cpu_features__ as features
except ImportError:
    from numpy.core._multiarray_umath import __cpu_dispatch__ as loops, __cpu_features__ as features

print(json.dumps({
    "torch": torch.backends.cpu.get_cpu_capability(),
    "onednn": torch.ops.mkldnn._is_mkldnn_bf16_supported(),
    "numpy": [name for name in loops if features[name]],
    "opencv": [name for name in cv2.getCPUFeaturesLine().split() if name.startswith("*AVX")],
    "ipp": cv2.ipp.getIppVersion(),
}))
"""


@pytest.mark.skipif(not torch.cpu._is_avx2_supported(), reason="this processor has no AVX2 to hold others to")
def test_no_library_uses_avx512():
    said = subprocess.run(
        [sys.executable, SCRIPT, sys.executable, "-W", "error", "-c", ASKED], capture_output=True, text=True
    )
    assert (said.returncode, said.stderr) == (0, "")
    found = json.loads(said.stdout)
    assert found["torch"] == "AVX2"
    assert found["onednn"] is False
    assert not [name for name in found["numpy"] if "AVX512" in name or name == "X86_V4"]
    assert not [name for name in found["opencv"] if "AVX512" in name and not name.endswith("?")]
    assert "AVX-512" not in found["ipp"]
