"""Runs a command as on a processor without AVX-512, as far as the libraries let themselves be held down.

    python scripts/held_to_avx2.py python -m pytest tests/golden

ONNX Runtime and libx264 cannot be told; they go on using all that the processor has.
"""

from __future__ import annotations

import os
import sys

try:
    from numpy._core._multiarray_umath import __cpu_dispatch__ as dispatched
except ImportError:  # NumPy 1
    from numpy.core._multiarray_umath import __cpu_dispatch__ as dispatched

HELD = {
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own loops
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # its convolutions, and its products of packed weights
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # its other products; heeded on Intel's processors only
    "OPENBLAS_CORETYPE": "Haswell",  # products of NumPy and SciPy
    # NumPy's loops. It refuses names that it does not know, and they differ from version to version.
    "NPY_DISABLE_CPU_FEATURES": " ".join(n for n in dispatched if n == "X86_V4" or n.startswith("AVX512")),
    "OPENCV_CPU_DISABLE": "AVX512-SKX",  # OpenCV's loops
    "OPENCV_IPP": "avx2",  # those of Intel's library in it
    "DITTO_CPU": "x86-64-v3",  # our own compiled loops
}

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} COMMAND [ARGUMENT ...]")
    os.execvpe(sys.argv[1], sys.argv[1:], {**os.environ, **HELD})
