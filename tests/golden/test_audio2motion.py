"""Windows joined into one motion, held to the reference numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ditto.motion.identity_hold import Identity
from ditto.motion.vector import to_vector
from ditto.motion.windows import FadedWindows, smooth_head
from tests.motions import motion_parts

NEAR = 1e-5  # of the largest expected number


def fake_window(previous, conditions, projection):
    heard = np.tanh(conditions.astype(np.float64) @ projection)
    position = np.arange(len(conditions))[:, None] / len(conditions)
    return (0.6 * previous + 0.4 * heard + 0.1 * position).astype(np.float32)


def agree(found, expected):
    np.testing.assert_allclose(found, expected, atol=NEAR * np.abs(expected).max(), rtol=0)


@pytest.mark.golden("audio2motion")
def test_windows_become_one_motion(case):
    options, expected = case.options, case.expected
    overlap = options["overlap_v2"]
    fade = min(overlap, 80 - overlap) if options["online_mode"] else overlap
    assert (fade, 80 - overlap) == (options["fuse_length"], options["valid_clip_len"])
    source = to_vector(motion_parts(case.group("x_s_info")))
    agree(source, expected["s_kp_cond"][0])
    drifting = options.get("fix_kp_cond_dim")
    identity = Identity(options.get("fix_kp_cond", 0), tuple(drifting) if drifting else None)

    joined = FadedWindows(overlap, fade, options["smo_k_d"])
    pieces, given, previous = [], 0, source
    for clip in range(options["n_clips"]):
        agree(previous, expected[f"kp_cond{clip}"][0])
        joined.add(fake_window(previous, case.given[f"aud{clip}"], case.given["P"]))
        assert joined.total == expected[f"len{clip}"]
        pieces.append(joined.frames(given, joined.settled))
        given = joined.settled
        previous = identity.before_window(clip + 1, source, joined.before_next)
    motion = np.concatenate([*pieces, joined.frames(given, joined.total)])
    agree(motion, expected["res"][0])

    if options["n_total"]:
        motion = smooth_head(motion[: options["n_total"]], options["smo_k_d"], 0, options["n_total"])
        agree(motion, expected["final"][0])
    if options["vclip"]:
        agree(np.clip(motion, case.given["v_min"], case.given["v_max"]), expected["clipped"])
