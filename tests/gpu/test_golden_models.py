"""The official networks with seeded weights, held to the reference's own numbers on either device."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ditto.packs.official.networks.checkpoint import NETWORKS
from tests.rounding import share_of_official

HEAVY = ("warp_network", "decoder", "lmdm")  # seconds on one core
DATA = Path(os.environ.get("DITTO_GOLDEN", Path(__file__).parents[1] / "golden" / "data"))
CASES = json.loads((DATA / "models" / "cases.json").read_text())["cases"]
# Largest differences as shares of the largest value. In bf16 four times what a processor gives; fp16 has
# three bits more. In fp32 room for other orders of summation, and none for products rounded to TF32.
BF16 = {
    "appearance_extractor": 0.03,
    "motion_extractor": 0.1,
    "warp_network": 0.14,
    "decoder": 0.1,
    "stitch_network": 0.01,
    "lmdm": 0.08,
}


def allowed(name, precision):
    return {"fp32": max(1e-4, share_of_official(name)), "bf16": BF16[name], "fp16": BF16[name] / 4}[precision]


def entries():
    for entry in CASES:
        slow = [pytest.mark.full] if entry["options"]["model"] in HEAVY else []
        yield pytest.param(entry, id=entry["id"], marks=slow)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("entry", list(entries()))
def test_a_network_gives_the_reference_numbers_on_the_device(
    entry, precision, device, golden, opened, computes
):
    computes(precision, device)
    name, case = entry["options"]["model"], golden.case(entry)
    network = opened(name, golden.network(entry), device, precision)
    feeds = {key: case.given[key] for key in NETWORKS[name].inputs if key != "time_cond"}
    if name == "lmdm":
        feeds["time_cond"] = np.array([case.options["time_cond"]], np.int64)
    made = network.run(feeds)
    network.close()
    for output, largest in case.options["max_abs"].items():
        wanted, found = case.expected.get(output), made[output]
        assert found.dtype == np.float32
        if wanted is None:
            wanted = case.expected[f"{output}.sub"]
            found = found[tuple(slice(None, None, step) for step in case.options["stride"])]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=allowed(name, precision) * largest)
