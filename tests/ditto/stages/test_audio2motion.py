from __future__ import annotations

import numpy as np
import pytest

from cfg.errors import ConfigError
from ditto.stages.audio2motion import Audio2Motion
from ditto.stages.messages import Conditions

SOURCE = np.zeros(265, np.float32)


class Echo:
    """Motion that repeats its conditions, so that every frame shows which row it was made of."""

    window = 80

    def __init__(self, noise=0.0):
        self._noise = noise
        self.asked = []

    def sample(self, previous, conditions, rng):
        self.asked.append((previous, conditions[:, 0].copy()))
        rows = np.repeat(conditions[:, :1], 265, axis=1)
        return (rows + self._noise * rng.standard_normal((80, 265))).astype(np.float32)


def rows(count, start=0):
    return np.arange(start, start + count, dtype=np.float32)[:, None]


def drive(stage, count, pieces=(1000,), turn=0, index=0):
    made, at, turns = [], 0, 0
    while at < count:
        piece = min(pieces[turns % len(pieces)], count - at)
        made += stage.process(Conditions(turn, index + at, rows(piece, at)))
        at, turns = at + piece, turns + 1
    return [*made, *stage.flush()]


def expressions(motions):
    return np.array([m.vector[264] for m in motions])


@pytest.mark.parametrize("options", [{}, {"overlap": 0}, {"overlap": 79}, {"overlap": 40, "smoothing": 0}])
@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5, 9, 10, 11, 69, 70, 71, 79, 80, 81, 149, 150, 151, 333])
def test_there_is_one_frame_for_each_row(options, online, count):
    motions = drive(Audio2Motion(Echo(), SOURCE, online=online, **options), count)
    assert [m.index for m in motions] == list(range(count))
    assert np.allclose(expressions(motions), np.arange(count), atol=1e-4)


@pytest.mark.parametrize("delay", [0, 3, 10])
def test_online_frames_show_their_own_row(delay):
    motions = drive(Audio2Motion(Echo(), SOURCE, online=True, overlap=70, delay=delay), 47)
    assert np.allclose(expressions(motions), np.arange(47), atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"online": True, "overlap": 75}, {"online": True, "delay": 10}])
def test_how_rows_arrive_changes_nothing(options):
    whole, in_pieces = (
        drive(Audio2Motion(Echo(noise=1.0), SOURCE, **options), 203, pieces)
        for pieces in [(203,), (1, 7, 30)]
    )
    assert all(np.array_equal(a.vector, b.vector) for a, b in zip(whole, in_pieces, strict=True))


def test_the_same_seed_gives_the_same_motion_and_another_seed_another():
    def made(seed):
        return drive(Audio2Motion(Echo(noise=1.0), SOURCE, seed=seed), 30)

    assert np.array_equal(made(3)[7].vector, made(3)[7].vector)
    assert not np.array_equal(made(3)[7].vector, made(4)[7].vector)


@pytest.mark.parametrize(("overlap", "delay", "first"), [(75, 0, 5), (70, 0, 10), (75, 5, 10), (70, 10, 20)])
def test_online_the_first_motion_comes_after_so_many_rows(overlap, delay, first):
    stage = Audio2Motion(Echo(), SOURCE, online=True, overlap=overlap, delay=delay)
    counts = [len(list(stage.process(Conditions(0, i, rows(1, i))))) for i in range(40)]
    assert counts.index(80 - overlap) + 1 == first
    assert sum(counts[: first - 1]) == 0
    assert sum(counts) == 40 - delay


def test_a_frame_given_online_never_jumps():
    stage = Audio2Motion(Echo(noise=3.0), SOURCE, online=True, overlap=60, smoothing=0)
    made, asked = drive(stage, 200), stage._sampler.asked
    plain = Echo(noise=3.0)
    assert len(asked) == 10
    inside = max(abs(a - b) for a, b in zip(expressions(made), expressions(made)[1:], strict=False))
    rng = np.random.default_rng(0)
    alone = [plain.sample(SOURCE, np.zeros((80, 1), np.float32), rng)[:, 264] for _ in range(10)]
    assert inside < 1.5 * max(np.abs(np.diff(w)).max() for w in alone)


def test_before_the_first_row_there_was_silence_or_the_first_row():
    for silence, before in [(None, 7.0), (np.array([-1.0], np.float32), -1.0)]:
        sampler = Echo()
        stage = Audio2Motion(sampler, SOURCE, online=True, overlap=75, silence=silence)
        list(stage.process(Conditions(0, 0, rows(5, 7))))
        _, seen = sampler.asked[0]
        assert (seen[:75] == before).all() and seen[75:].tolist() == [7, 8, 9, 10, 11]


def test_each_window_is_told_the_frame_before_it():
    sampler = Echo()
    drive(Audio2Motion(sampler, SOURCE + 5, overlap=10, smoothing=0), 200)
    assert [float(previous[264]) for previous, _ in sampler.asked] == [5, 69, 139]
    assert [float(seen[0]) for _, seen in sampler.asked] == [0, 70, 140]


def test_head_motion_is_averaged_and_the_expression_is_not():
    class Zigzag(Echo):
        def sample(self, previous, conditions, rng):
            return np.where(conditions % 2, 1, -1).repeat(265, axis=1).astype(np.float32)

    for online in (False, True):
        made = drive(Audio2Motion(Zigzag(), SOURCE, online=online, smoothing=13), 160)[20:140]
        assert max(abs(float(m.vector[100])) for m in made) < 0.2
        assert {abs(float(m.vector[264])) for m in made} == {1.0}


def test_motion_stays_within_its_limits():
    limits = (SOURCE + 2, SOURCE + 4)
    made = drive(Audio2Motion(Echo(), SOURCE, limits=limits, smoothing=0), 10)
    assert expressions(made).tolist() == [2, 2, 2, 3, 4, 4, 4, 4, 4, 4]


def test_the_next_utterance_goes_on_where_the_last_ended():
    stage = Audio2Motion(Echo(), SOURCE, online=True, overlap=70)
    first = drive(stage, 30)
    second = drive(stage, 30, index=30)
    assert [m.index for m in second] == list(range(30, 60))
    assert abs(second[0].vector[264] - first[-1].vector[264]) < 4
    assert abs(second[9].vector[264] - 9) < 1e-3


def test_an_interruption_forgets_what_was_said_but_the_head_goes_on_from_where_it_was():
    stage = Audio2Motion(Echo(), SOURCE, online=True, overlap=70)
    before = list(stage.process(Conditions(0, 0, rows(40))))
    stage.interrupt(1)
    after = drive(stage, 30, turn=1)
    assert [(m.turn, m.index) for m in after] == [(1, index) for index in range(30)]
    assert abs(after[0].vector[264] - before[-1].vector[264]) < 4
    assert abs(after[9].vector[264] - 9) < 1e-3


def test_an_utterance_of_nothing_gives_nothing():
    assert drive(Audio2Motion(Echo(), SOURCE), 0) == []


@pytest.mark.parametrize("online", [False, True])
def test_memory_does_not_grow_with_the_voice(online):
    stage = Audio2Motion(Echo(), SOURCE, online=online)
    for start in range(0, 3000, 50):
        list(stage.process(Conditions(0, start, rows(50, start))))
        assert len(stage._rows) < 80
        assert len(stage._joined._kept) <= 160
        assert len(stage._smoother._around) < 20


def test_an_overlap_as_long_as_a_window_is_refused():
    with pytest.raises(ConfigError, match=r"motion.overlap is 80, but must be from 0 to 79"):
        Audio2Motion(Echo(), SOURCE, overlap=80)


class Bows(Echo):
    """Ends an utterance with a number of its own."""

    def ended(self, frames, count):
        return np.full_like(frames, -1.0)


@pytest.mark.parametrize("options", [{}, {"online": True, "overlap": 75}])
@pytest.mark.parametrize("count", [3, 78, 80, 151])
def test_a_sampler_may_end_an_utterance_in_its_own_way_where_nobody_has_seen_it(options, count):
    stage = Audio2Motion(Bows(), SOURCE, smoothing=1, **options)
    given = list(stage.process(Conditions(0, 0, rows(count))))
    owed = list(stage.flush())
    assert np.allclose(expressions(given), np.arange(len(given)), atol=1e-4)
    assert len(given) + len(owed) == count
    assert all(expressions(owed) == -1)
