"""A person cut out of a picture."""

import cv2
import numpy as np

from ditto.matting import Matting, behind, foreground, one_piece, without_islands

SIDE, RADIUS = 400, 120
PERSON, WALL = (200, 120, 90), (20, 60, 160)


def disc(radius=RADIUS):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.clip(radius - np.hypot(rows - 200, columns - 200) + 0.5, 0, 1).astype(np.float32)


def picture():
    share = disc()[..., None]
    return np.rint(np.array(PERSON) * share + np.array(WALL) * (1 - share)).astype(np.uint8)


def rough(image=None):
    """A mask as a small network gives it: its edge a few pixels off, and soft."""
    return cv2.GaussianBlur(disc(RADIUS + 2), (0, 0), 3)


def test_the_edge_is_moved_to_where_colours_change():
    found = Matting(rough)(picture(), None)
    before, after = (np.abs(mask - disc()).mean() for mask in (rough(), found))
    assert after < before / 3


def test_a_closer_look_at_the_head_is_asked_for_where_a_face_is_known():
    seen = []

    def person(image):
        seen.append(image.shape[:2])
        return np.ones(image.shape[:2], np.float32)

    Matting(person)(picture(), np.array([[180, 180], [220, 220]], np.float32))
    assert len(seen) == 2 and seen[1] < seen[0]


def test_islands_beside_a_person_and_holes_in_them_are_no_part_of_the_mask():
    mask = disc()
    mask[:20, :20] = 1
    mask[195:205, 195:205] = 0
    cleaned = without_islands(one_piece(mask))
    assert cleaned[:20, :20].max() == 0
    assert cleaned[195:205, 195:205].min() == 1


def test_edges_have_the_persons_colours_and_nothing_of_what_was_behind():
    grown = foreground(picture(), disc()).astype(int)
    edge = (disc() > 0.05) & (disc() < 0.95)
    assert np.abs(grown[edge] - PERSON).max() < 14
    assert (grown[disc() == 1] == picture()[disc() == 1]).all()


def test_what_is_behind_shows_nothing_of_the_person():
    plate = behind(picture(), disc(), 100)
    assert plate.shape == (100, 100, 3)
    assert np.abs(plate.astype(int) - WALL).max() < 6


def test_a_picture_that_is_all_person_has_something_behind_all_the_same():
    assert behind(picture(), np.ones((SIDE, SIDE), np.float32), 50).shape == (50, 50, 3)
