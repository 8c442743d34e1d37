"""Which frames leave after which sound, held to the reference program's schedule."""

from __future__ import annotations

import numpy as np
import pytest

from ditto.motion.frame_order import mirror_index
from ditto.motion.identity_hold import Identity
from ditto.motion.vector import to_vector
from ditto.packs.official.hubert import HubertStream, reference_file_framing, reference_live_framing
from ditto.reference.schedule import ReferenceMotion
from ditto.stages.audio2motion import Audio2Motion
from ditto.stages.condition_handler import ConditionHandler, eyes_of
from ditto.stages.messages import Conditions, Features
from tests.motions import motion_parts

NEAR = 1e-5  # of the largest expected number
WHOLE_FILE = (3, 5, 2)  # the chunks in which the reference hears a file, whatever a live voice is cut into


class FakeEncoder:
    """The data's stand-in for HuBERT."""

    def run(self, feeds):
        sound = feeds["input_values"][0]
        starts = 320 * np.arange((len(sound) - 400) // 320 + 1)[:, None]
        place = np.arange(1024)
        return {"encoding_out": (sound[starts + place % 320] * (1 + place // 320)).astype(np.float32)}


class FakeSampler:
    """The data's stand-in for a whole sampling run, which counts its windows."""

    window = 80

    def __init__(self, projection):
        self._projection = projection
        self.windows = 0

    def sample(self, previous, conditions, rng):
        self.windows += 1
        heard = np.tanh(conditions.astype(np.float64) @ self._projection)
        position = np.arange(80)[:, None] / 80
        return (0.6 * previous + 0.4 * heard + 0.1 * position).astype(np.float32)


def features(sound, chunk, framing):
    stream = HubertStream(FakeEncoder(), chunk, framing)
    return np.concatenate([stream.push(sound), stream.flush()])


def pieces_of(rows, length):
    return [rows[i : i + length] for i in range(0, len(rows), length)]


def fed(case, sound):
    """The feature blocks of the case, in order."""
    chunk = tuple(case.options["chunksize"])
    if case.options["feed"] == "driver chunks":
        return pieces_of(features(sound, chunk, reference_live_framing), chunk[1])
    rows = features(sound, WHOLE_FILE, reference_file_framing)
    return pieces_of(rows, 25) if case.options["feed"] == "25-feature blocks" else [rows]


@pytest.mark.golden("schedule")
def test_frames_leave_as_in_the_original(case):
    options, expected = case.options, case.expected
    online, sources = options["online_mode"], options["n_src"]
    handler = ConditionHandler(case.given["sc"], eyes_of(case.given["eye_open"], case.given["eye_ball"]), 4)
    source = to_vector(motion_parts(case.group("x_s_info")))
    drifting = options["fix_kp_cond_dim"]
    identity = Identity(options["fix_kp_cond"], tuple(drifting) if drifting else None)
    sampler = FakeSampler(case.given["P"])
    blocks = fed(case, case.given["audio"])
    assert len(blocks) == options["n_inputs"]
    motions, events, window_starts = [], [], []

    def note(made, consumed):
        for motion in made:
            shown = mirror_index(motion.index, sources)
            events.append([consumed, motion.index, shown, sampler.windows])
            motions.append(motion.vector)

    if options["pipeline"] == "offline":
        # The original's whole-file worker is what the default does, but gives all frames at its end.
        window_starts.append(0)
        stage = Audio2Motion(
            sampler, source, overlap=options["overlap_v2"], smoothing=options["smo_k_d"], identity=identity
        )
        made = list(stage.process(Conditions(0, 0, handler.join(blocks[0], 0)))) + list(stage.flush())
        note(made, 1)
        end = [1, -1, -1, sampler.windows]
    else:
        silence = np.zeros(options["overlap_v2"] * 640, np.float32)

        def conditions(rows, index):
            window_starts.append(index)
            return handler.join(rows, index)

        stage = ReferenceMotion(
            sampler,
            source,
            conditions,
            warm_up=features(silence, WHOLE_FILE, reference_file_framing) if online else None,
            overlap=options["overlap_v2"],
            smoothing=options["smo_k_d"],
            rng=np.random.default_rng(0),
            identity=identity,
        )
        for consumed, block in enumerate(blocks, start=1):
            note(stage.process(Features(0, 0, block)), consumed)
        note(stage.flush(), len(blocks) + 1)
        end = [len(blocks) + 1, -1, -1, sampler.windows]

    assert sampler.windows == options["n_clips"]
    assert len(motions) == options["n_frames_out"]
    events.append(end)
    assert [e[:3] for e in events][:-1] == expected["events"][:-1, :3].tolist()
    assert events[-1][0] == expected["events"][-1, 0] and events[-1][3] == expected["events"][-1, 3]
    assert window_starts == expected["cond_idx"].tolist()
    if options["pipeline"] == "online":
        assert [e[3] for e in events] == expected["events"][:, 3].tolist()
    if motions:
        moved = np.stack(motions)
        bound = NEAR * np.abs(expected["x_d"]).max()
        np.testing.assert_allclose(moved[:, ::5], expected["x_d"], atol=bound, rtol=0)
        total = moved.astype(np.float64).sum()
        assert abs(total - expected["x_d_sum"]) <= NEAR * np.abs(moved).sum()
    if "d0" in expected:
        np.testing.assert_allclose(
            stage.first, expected["d0"], atol=NEAR * np.abs(expected["d0"]).max(), rtol=0
        )
