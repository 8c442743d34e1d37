"""Several steps as one stage."""

from stream_pipeline.steps_in_one_stage import Chain


class Doubling:
    """Each item twice; at the end, how many there were."""

    def __init__(self, name):
        self.name = name
        self.count = 0
        self.turn = 0

    def process(self, item):
        self.count += 1
        yield item
        yield item + 1

    def flush(self):
        yield self.count
        self.count = 0

    def interrupt(self, turn):
        self.turn = turn


def test_what_one_step_gives_the_next_one_takes():
    chain = Chain([Doubling("first"), Doubling("second")])
    assert chain.name == "first"
    assert list(chain.process(10)) == [10, 11, 11, 12]


def test_what_is_owed_at_the_end_goes_through_the_following_steps():
    chain = Chain([Doubling("first"), Doubling("second")])
    list(chain.process(10))
    assert list(chain.flush()) == [1, 2, 3]  # one owed by the first, and three seen by the second
    assert list(chain.flush()) == [0, 1, 1]


def test_every_step_is_told_the_turn_of_an_interruption():
    steps = [Doubling("first"), Doubling("second")]
    Chain(steps).interrupt(3)
    assert [step.turn for step in steps] == [3, 3]
