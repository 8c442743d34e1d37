import threading
from dataclasses import dataclass

import pytest

from stream_pipeline.channel import Aborted, Channel, Closed


@dataclass(frozen=True)
class Numbered:
    turn: int
    value: int


def background(target):
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def test_items_leave_in_the_order_they_came():
    channel = Channel(3)
    for number in (1, 2, 3):
        channel.put(number)
    channel.close()
    assert list(channel) == [1, 2, 3]


def test_closing_still_delivers_what_is_inside_and_then_says_so():
    channel = Channel(1)
    channel.put("last")
    channel.close()
    assert channel.get() == "last"
    with pytest.raises(Closed):
        channel.get()


def test_a_full_channel_holds_its_writer_back_until_something_is_read():
    channel = Channel(1)
    channel.put(1)
    with pytest.raises(TimeoutError):
        channel.put(2, timeout=0.01)
    writer = background(lambda: channel.put(2))
    assert channel.get() == 1
    writer.join(10)
    assert channel.get() == 2


def test_a_timeout_beyond_all_clocks_is_as_good_as_none():
    channel = Channel(1)
    reader = background(lambda: channel.get(timeout=1e30))
    channel.put(1, timeout=1e30)
    reader.join(10)
    assert not reader.is_alive()


def test_room_is_waited_for_until_all_of_it_is_there():
    channel = Channel(3)
    channel.put_all([1, 2])
    channel.room(1, timeout=0)
    channel.room(0, timeout=0)
    with pytest.raises(TimeoutError):
        channel.room(2, timeout=0.01)
    writer = background(lambda: channel.room(2))
    assert channel.get() == 1
    writer.join(10)
    assert not writer.is_alive()


def test_more_than_ever_fits_has_room_in_an_empty_channel():
    channel = Channel(2)
    channel.room(5, timeout=0)
    channel.put_all([1, 2, 3, 4, 5])
    with pytest.raises(TimeoutError):
        channel.room(1, timeout=0.01)
    channel.close()
    assert list(channel) == [1, 2, 3, 4, 5]


def test_an_empty_channel_times_out_its_reader():
    with pytest.raises(TimeoutError):
        Channel(1).get(timeout=0.01)


@pytest.mark.parametrize("action", ["get", "put", "room"])
def test_abort_wakes_whoever_waits(action):
    channel = Channel(1)
    if action != "get":
        channel.put(0)
    outcome = []
    waits = {"get": channel.get, "put": lambda: channel.put(1), "room": lambda: channel.room(1)}

    def wait():
        try:
            waits[action]()
        except Aborted:
            outcome.append("woken")

    waiter = background(wait)
    channel.abort()
    waiter.join(10)
    assert outcome == ["woken"]


def test_every_waiting_reader_is_woken_by_close():
    channel = Channel(1)
    ended = []
    readers = [background(lambda: ended.append(list(channel))) for _ in range(4)]
    channel.close()
    for reader in readers:
        reader.join(10)
    assert ended == [[]] * 4


def test_abort_drops_what_is_inside():
    channel = Channel(2)
    channel.put(1)
    channel.abort()
    with pytest.raises(Aborted):
        channel.get()


def test_stale_items_are_neither_taken_in_nor_given_out():
    turn = 0
    channel = Channel(4, lambda item: item.turn < turn)
    channel.put(Numbered(0, 1))
    channel.put(Numbered(1, 2))
    turn = 1
    assert channel.put(Numbered(0, 3)) is False
    assert channel.get() == Numbered(1, 2)


def test_dropping_stale_items_makes_room_for_a_waiting_writer():
    turn = 0
    channel = Channel(1, lambda item: item.turn < turn)
    channel.put(Numbered(0, 1))
    writer = background(lambda: channel.put(Numbered(1, 2)))
    turn = 1
    channel.drop_stale()
    writer.join(10)
    assert channel.get() == Numbered(1, 2)


def test_a_writer_whose_item_becomes_stale_while_it_waits_goes_on():
    turn = 0
    channel = Channel(1, lambda item: item.turn < turn)
    channel.put(Numbered(1, 1))
    taken = []
    writer = background(lambda: taken.append(channel.put(Numbered(0, 2))))
    turn = 1
    channel.drop_stale()
    writer.join(10)
    assert taken == [False]


def test_the_greatest_depth_is_remembered():
    channel = Channel(5)
    for number in range(3):
        channel.put(number)
    channel.get()
    assert channel.deepest == 3
