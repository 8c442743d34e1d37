"""Calls that run together: each gets its own result, none waits for ever, a failure harms no later one."""

import random
import threading
import time

import numpy as np
import pytest

from cfg.errors import ModelError
from model_formats.batching import Batches, joined, quickest, run_many, takes_batches

SIZE = 4


class Doubling:
    """A network that doubles its input, slowly, and notes the batches it was given."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.sizes = []

    def run(self, feeds):
        self.sizes.append(len(feeds["x"]))
        time.sleep(self.seconds)
        if (feeds["x"] < 0).any():
            raise ModelError("negative")
        return {"y": feeds["x"] * 2 + feeds["add"]}


def feeds(value, add=0):
    return {"x": np.full((1, 3), value, np.float32), "add": np.full((1, 3), add, np.float32)}


def test_one_run_answers_all_calls_in_their_order():
    network = Doubling()
    answers = run_many(network, [feeds(n, n) for n in range(3)])
    assert [answer["y"][0, 0] for answer in answers] == [0, 3, 6]
    assert all(answer["y"].shape == (1, 3) for answer in answers)
    assert network.sizes == [3]


def test_a_batch_is_filled_up_to_a_fixed_size():
    network = Doubling()
    answers = run_many(network, [feeds(1), feeds(2)], SIZE)
    assert [answer["y"][0, 0] for answer in answers] == [2, 4]
    assert network.sizes == [SIZE]


def test_tensors_stay_tensors():
    torch = pytest.importorskip("torch")
    calls = [{"x": torch.full((1, 2), float(n)), "add": torch.zeros(1, 2)} for n in range(2)]
    answers = run_many(Doubling(), calls)
    assert torch.equal(answers[1]["y"], torch.full((1, 2), 2.0))


@pytest.mark.parametrize("first", [True, False])
def test_where_one_call_is_on_a_device_the_others_are_brought_there(first):
    torch = pytest.importorskip("torch")
    here, there = np.zeros((1, 3), np.float32), torch.zeros(1, 3, device="meta")
    both = joined([there, here, here] if first else [here, here, there])
    assert (both.device.type, both.dtype, tuple(both.shape)) == ("meta", torch.float32, (3, 3))


def test_what_cannot_be_joined_or_is_not_batched_is_refused():
    with pytest.raises(ModelError, match="a batch cannot be made of str"):
        run_many(Doubling(), [{"x": "a"}, {"x": "b"}])

    class Summing:
        def run(self, feeds):
            return {"y": feeds["x"].sum(axis=0, keepdims=True)}

    with pytest.raises(ModelError, match=r"'y' is \(1, 3\) for a batch of 2"):
        run_many(Summing(), [feeds(1), feeds(2)])


@pytest.mark.parametrize(
    ("seconds", "best"),
    [({1: 0.1, 2: 0.12, 4: 0.2, 8: 0.4, 16: 0.8}, 4), ({1: 0.1, 2: 0.199}, 1), ({1: 2.0}, 1)],
)
def test_the_quickest_size_is_found_and_a_slow_machine_is_not_tried_further(seconds, best):
    asked = []

    def measure(size):
        asked.append(size)
        return seconds.get(size, 99.0)

    assert quickest(measure) == best
    assert seconds[1] < 1 or asked == [1]


def test_only_networks_with_an_open_first_axis_take_batches():
    assert takes_batches({"x": (None, 3), "y": (None,)})
    assert not takes_batches({"x": (None, 3), "y": (1, 3)})


def at_once(shared, values):
    """The answers to calls made at the same time."""
    answers = {}
    start = threading.Barrier(len(values))

    def call(value):
        start.wait()
        try:
            answers[value] = shared.run(feeds(value))["y"][0, 0]
        except ModelError as error:
            answers[value] = error

    threads = [threading.Thread(target=call, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def test_calls_at_the_same_time_run_as_one_and_each_gets_its_own():
    network = Doubling()
    answers = at_once(Batches(network, SIZE, wait=30.0), range(SIZE))
    assert answers == {n: 2 * n for n in range(SIZE)}
    assert network.sizes == [SIZE]


def test_a_call_alone_waits_no_longer_than_its_time():
    shared = Batches(Doubling(), SIZE, wait=0.05)
    began = time.monotonic()
    assert shared.run(feeds(1))["y"][0, 0] == 2
    assert 0.04 < time.monotonic() - began < 10


@pytest.mark.parametrize(("fixed", "ran"), [(True, SIZE), (False, 1)])
def test_a_fixed_batch_is_filled_so_that_its_shape_never_changes(fixed, ran):
    network = Doubling()
    Batches(network, SIZE, wait=0.01, fixed=fixed).run(feeds(1))
    assert network.sizes == [ran]


def test_where_calls_are_not_shared_one_runs_at_once_and_a_caller_s_own_run_together():
    network = Doubling()
    alone = Batches(network, SIZE)
    assert alone.run(feeds(3))["y"][0, 0] == 6
    assert [made["y"][0, 0] for made in alone.many([feeds(1), feeds(2)])] == [2, 4]
    assert network.sizes == [1, SIZE]


def test_more_calls_than_fit_form_the_next_batch():
    network = Doubling(0.05)
    answers = at_once(Batches(network, SIZE, wait=0.2, fixed=False), range(11))
    assert answers == {n: 2 * n for n in range(11)}
    assert sum(network.sizes) == 11
    assert max(network.sizes) <= SIZE
    assert len(network.sizes) < 11


def test_a_failing_run_fails_its_calls_and_the_next_ones_are_well():
    shared = Batches(Doubling(), 2, wait=30.0)
    answers = at_once(shared, [-1, 3])
    assert all(isinstance(answer, ModelError) for answer in answers.values())
    assert at_once(shared, [1, 2]) == {1: 2, 2: 4}


def test_sessions_that_come_and_go_at_random_all_get_their_own_answers():
    shared = Batches(Doubling(0.001), SIZE, wait=0.005)
    wrong = []

    def session(seed):
        chance = random.Random(seed)
        for call in range(chance.randint(5, 40)):
            value = seed * 100 + call
            if shared.run(feeds(value))["y"][0, 0] != 2 * value:
                wrong.append(value)
            time.sleep(chance.uniform(0, 0.004))

    threads = [threading.Thread(target=session, args=(seed,)) for seed in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)
    assert max(shared.sizes) > 1


def test_an_interruption_of_the_one_that_runs_the_batch_leaves_no_other_waiting():
    class Interrupted:
        def run(self, feeds):
            raise KeyboardInterrupt

    shared = Batches(Interrupted(), 2, wait=30.0)
    ends = []

    def call():
        try:
            shared.run(feeds(1))
        except BaseException as error:
            ends.append(type(error))

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(ends) == {KeyboardInterrupt, ModelError}
