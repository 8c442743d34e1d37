import numpy as np
import pytest


def test_the_seeded_generator_gives_the_documented_numbers(made):
    drawn = made({"kind": "normal", "key": "check", "shape": [3]})
    np.testing.assert_allclose(drawn, [0.0745353771, 0.0235295882, 0.2495591108], rtol=1e-6)


def test_an_option_that_a_test_did_not_ask_for_is_named(case_of):
    case = case_of("diffusion", {"op": "sample_real", "S": 10, "salt": "x", "noise_order": "in words"})
    assert (case.options["S"], case.options.get("n_clips", 1)) == (10, 1)
    assert case.ignored() == {"salt"}
    assert "salt" in case.options
    assert not case.ignored()


def test_what_one_operation_of_a_topic_ignores_matters_to_another(case_of):
    options = {"op": "crop", "vx_ratio": 0.1}
    assert not case_of("crop", options).ignored()
    assert case_of("crop", {**options, "op": "rect"}).ignored() == {"vx_ratio"}


@pytest.mark.parametrize("model", ["appearance_extractor", "stitch_network"])
def test_the_fill_rule_gives_the_documented_sums(filled, manifest, model):
    tensors = manifest["models"][model]["tensors"]
    weights = filled({t["name"]: tuple(t["shape"]) for t in tensors})
    for tensor in tensors:
        if tensor.get("fill_sum") is not None and tensor["name"] in weights:
            total = weights[tensor["name"]].astype(np.float64).sum()
            assert total == pytest.approx(tensor["fill_sum"], rel=1e-5, abs=1e-4), tensor["name"]
