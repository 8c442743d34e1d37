"""A person cut out of a picture."""

import cv2
import numpy as np

from ditto.picture.cutout.foreground import carried
from ditto.picture.cutout.inpainting import without_person
from ditto.picture.cutout.matting import Matting, decided, one_piece, without_islands

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
    found = Matting(rough)(picture(), None).alpha
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


HAIR, FACE = (50, 30, 25), 150.0  # the colour of hair, and how many pixels large the face is


def doubtful(wall=WALL, place=(330, 200)):
    """A person with an end of hair on a wall; the mask, which doubts a patch; the hair; the patch."""
    image = picture()
    image[disc() == 0] = wall if np.ndim(wall) == 1 else wall[disc() == 0]
    cv2.ellipse(image, place, (24, 12), 0, 0, 360, HAIR, -1)
    hair = (image == HAIR).all(axis=2)
    patch = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(patch, place, 30, 1, -1)
    return image, np.maximum(disc(), 0.45 * patch).astype(np.float32), hair, (patch > 0) & (disc() == 0)


def test_an_end_of_hair_that_the_mask_doubts_is_told_from_a_plain_wall_by_its_colour():
    image, mask, hair, patch = doubtful()
    told = decided(image, mask, FACE)
    core = cv2.erode(hair.astype(np.uint8), np.ones((5, 5))) > 0
    assert told[core].min() > 0.9 and told[core].mean() > 0.98
    shown = np.maximum(hair, disc() > 0).astype(np.uint8)
    beside = patch & (cv2.dilate(shown, np.ones((9, 9))) == 0)
    assert told[beside].max() < 0.3 and told[beside].mean() < 0.03
    whole = disc() == 1
    assert np.array_equal(told[whole & ~patch], mask[whole & ~patch])


def test_nothing_is_decided_before_a_pattern_nor_far_from_the_person_nor_where_no_patch_is_in_doubt():
    pattern = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    for image, mask, _, _ in (doubtful(wall=cv2.GaussianBlur(pattern, (0, 0), 3)), doubtful(place=(365, 30))):
        assert np.array_equal(decided(image, mask, FACE), mask)
    assert np.array_equal(decided(picture(), rough(), FACE), rough())


def test_edges_have_the_persons_colours_and_nothing_of_what_was_behind():
    grown = carried(picture(), disc()).astype(int)
    edge = (disc() > 0.05) & (disc() < 0.95)
    assert np.abs(grown[edge] - PERSON).max() < 14
    assert (grown[disc() == 1] == picture()[disc() == 1]).all()


def test_what_is_behind_shows_nothing_of_the_person():
    plate = without_person(picture(), disc(), 100)
    assert plate.shape == (100, 100, 3)
    assert np.abs(plate.astype(int) - WALL).max() < 6


def test_a_picture_that_is_all_person_has_something_behind_all_the_same():
    assert without_person(picture(), np.ones((SIDE, SIDE), np.float32), 50).shape == (50, 50, 3)
