import random

from ditto.motion.frame_order import blink_schedule, mirror_index


def test_frames_are_shown_back_and_forth():
    assert [mirror_index(i, 3) for i in range(8)] == [0, 1, 2, 2, 1, 0, 0, 1]


def test_blinks_keep_their_distance_and_leave_the_eyes_open_at_the_end():
    blinks = blink_schedule(12, blink_length=2, open_frames=3, rng=random.Random(0))
    assert blinks == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]


def test_the_same_generator_gives_the_same_blinks():
    first, second = (blink_schedule(1000, 15, 0, random.Random(7)) for _ in range(2))
    assert first == second and any(first)


def test_pauses_of_a_list_are_gone_through_in_turn():
    blinks = blink_schedule(20, blink_length=2, open_frames=[1, 4], rng=random.Random(0))
    assert [i for i, row in enumerate(blinks) if row] == [2, 8, 11]


def test_no_frames_have_no_blinks():
    assert blink_schedule(0, 15, 0, random.Random(0)) == []
