import numpy as np
import pytest


def test_the_seeded_generator_gives_the_documented_numbers(made):
    drawn = made({"kind": "normal", "key": "check", "shape": [3]})
    np.testing.assert_allclose(drawn, [0.0745353771, 0.0235295882, 0.2495591108], rtol=1e-6)


@pytest.mark.parametrize("model", ["appearance_extractor", "stitch_network"])
def test_the_fill_rule_gives_the_documented_sums(filled, manifest, model):
    tensors = manifest["models"][model]["tensors"]
    weights = filled({t["name"]: tuple(t["shape"]) for t in tensors})
    for tensor in tensors:
        if tensor.get("fill_sum") is not None and tensor["name"] in weights:
            total = weights[tensor["name"]].astype(np.float64).sum()
            assert total == pytest.approx(tensor["fill_sum"], rel=1e-5, abs=1e-4), tensor["name"]
