"""Traits of the official Ditto pack."""

from __future__ import annotations

from ditto.packs.base import PackTraits

TRAITS = PackTraits(
    name="ditto",
    configuration="ditto_torch",
    has_files=True,
    devices=("cpu", "cuda"),
    precisions=("fp32", "tf32", "fp16", "bf16"),
    conditions=frozenset({"use_emo", "use_sc", "use_eye_open", "use_eye_ball"}),
    crops_face=True,
)
