"""The comparison with a plain execution, on the device."""

from __future__ import annotations

import json

import pytest

from benchmarks.compare import main


def test_rows_and_rates_are_the_device_s(device, tmp_path, computes):
    computes("bf16", device)
    path = tmp_path / "rows.json"
    forms = ["torch", "graphs"] if device == "cuda" else ["torch"]
    asked = ["--device", device, "--only", "stitch", "--format", ",".join(forms), "--precision", "fp32,bf16"]
    assert main([*asked, "--threads", "1", "--repeats", "1", "--json", str(path)]) == 0
    written = json.loads(path.read_text())
    assert [(row["what"], row["format"], row["precision"]) for row in written["rows"]] == [
        ("stitch", form, precision) for form in forms for precision in ("fp32", "bf16")
    ]
    machine = written["machine"]
    assert machine["device"] == device
    assert machine["gflops_bf16"] > 0 and machine["gigabytes_a_second"] > 0
    assert ("gpu" in machine) == (device == "cuda")
    assert (machine["gflops_tf32"] is not None) == (device == "cuda")


@pytest.mark.full
def test_streams_are_measured_through_all_nine_stages(device, tmp_path):
    path, rows = tmp_path / "rows.json", "stream,first_frame" if device == "cuda" else "first_frame"
    asked = ["--device", device, "--only", rows, "--steps", "2", "--repeats", "1", "--format", "torch"]
    assert main([*asked, "--threads", "1", "--json", str(path)]) == 0
    found = {row["what"]: row for row in json.loads(path.read_text())["rows"]}
    assert ",".join(found) == rows
    assert found["first_frame"]["ms_p50"] > 0
    assert all(row["live_streams"] > 0 for row in found.values() if row["what"] == "stream")
