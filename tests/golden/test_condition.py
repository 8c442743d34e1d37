import json

import numpy as np
import pytest

from ditto.motion.emotion import emotion_rows
from ditto.stages.condition_handler import ConditionHandler, eyes_of

LABELS = {**{f"emo{n}": n for n in range(8)}, "emo_3_4": [3, 4], "emo_all7": list(range(7))}


def handler_of(case):
    options = case.options
    eyes = case.group("ch") if options["ch_info"] else case.given
    emotion = case.given["emo"] if options["emo"] == "array" else options["emo"]
    looking = eyes_of(eyes["eye_open"], eyes["eye_ball"], first_only=options["eye_f0_mode"])
    return ConditionHandler(eyes["sc"], looking, emotion, **options["use"])


@pytest.mark.golden("condition")
def test_conditions_are_those_of_the_reference(case):
    if case.options.get("op") == "emo_avg":
        for name, expected in case.expected.items():
            np.testing.assert_allclose(emotion_rows(LABELS[name])[0], expected, rtol=1e-5)
        return
    handler = handler_of(case)
    for number, call in enumerate(case.options["calls"]):
        features = case.given[f"aud{number}"]
        rows = handler.join(features, call["idx"], call.get("emo_override"))
        expected = case.expected[f"cond{number}"]
        assert rows.shape == expected.shape and rows.dtype == np.float32, json.dumps(call)
        np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
