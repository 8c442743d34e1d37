"""Half precisions that this processor computes in PyTorch: the one place that decides."""

from __future__ import annotations

# What oneDNN, PyTorch's library of products and convolutions, wants of a processor for each of them.
WANTED = {
    "bf16": "AVX-512 or AVX-NE-CONVERT, on ARM BF16",
    "fp16": "AVX512-FP16 or AVX-NE-CONVERT, on ARM FP16",
}


def lacks(precision: str) -> str | None:
    """Why this processor does not run that precision, and what to use instead; None where it does.

    Without those instructions PyTorch refuses packed weights and convolves number by number.
    """
    if precision not in WANTED or _computes(precision):
        return None
    others = [name for name in WANTED if _computes(name)]
    return (
        f"{precision} is emulated by this processor, ten times slower than fp32 "
        f"(it needs {WANTED[precision]}); use {' or '.join(['fp32', *others])}, or a GPU"
    )


def _computes(precision: str) -> bool:
    import torch

    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    onednn = torch.ops.mkldnn
    asked = {"bf16": onednn._is_mkldnn_bf16_supported, "fp16": onednn._is_mkldnn_fp16_supported}
    return bool(asked[precision]())
