"""Long streams on the device: memory that does not grow."""

from __future__ import annotations

import gc

import psutil
import pytest

torch = pytest.importorskip("torch")

FRAMES, SETTLED = 200, 50
MARGIN = 8 << 20  # bytes; one warped face is 4 MB


def held(device: str) -> int:
    """Bytes in use: of the GPU by tensors, or of the process."""
    gc.collect()
    if device == "cuda":
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()
    return psutil.Process().memory_info().rss


def test_two_hundred_frames_take_no_more_memory_than_fifty(painters, poses, device):
    made = painters()
    for number in range(FRAMES):
        pose = poses[number % len(poses)]
        made.painter(pose, made.warper(pose))
        if number == SETTLED:
            before = held(device)
    assert held(device) - before < MARGIN
