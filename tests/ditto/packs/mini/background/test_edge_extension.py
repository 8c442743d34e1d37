"""What comes into sight from beyond the edges of a picture."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ditto.packs.mini.background.edge_extension import CROWN, continued

SIZE = (40, 60)  # height, width of the box
PIXELS = 2.0  # for a millimetre


def box(alpha=255):
    """(h, w, 4) colours that tell their row and column."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.dstack([rows, columns, rows + columns, np.full(SIZE, alpha)]).astype(np.uint8)


def wider(box, left=0, top=0, right=0, bottom=0, millimetre=PIXELS):
    height, width = box.shape[:2]
    wide = (-left, -top, width + right, height + bottom)
    look = SimpleNamespace(box=(0, 0, width, height), wide_box=wide, millimetre=millimetre)
    return continued(box, look)


def test_a_box_within_its_picture_is_left_as_it_is():
    own = box()
    assert wider(own) is own


def test_the_box_itself_is_left_as_it_is():
    assert np.array_equal(wider(box(), 5, 6, 7, 8)[6:-8, 5:-7], box())


def test_colours_beyond_are_those_within_the_edge():
    wide = wider(box(), 8, 8, 8, 8).astype(int)
    column, row = wide[:, 30], wide[20]
    assert (column[:8, 0] <= 4).all() and (row[:8, 1] <= 4).all()
    assert (column[-8:, 0] >= 35).all() and (row[-8:, 1] >= 55).all()


def test_a_parting_goes_straight_on_where_a_mirror_would_turn_it_back_and_fades():
    hair = np.full((200, 400, 4), (40, 30, 30, 255), np.uint8)
    cv2.line(hair, (200, 0), (280, 40), (200, 180, 170, 255), 3)  # slanted, up to the edge
    above = wider(hair, top=100)[:100, :, 0].astype(int)
    assert np.abs(above[70:].argmax(axis=1) - 203).max() < 6
    contrast = above.max(axis=1) - np.median(above, axis=1)
    assert contrast[99] > 60 and contrast[0] < 0.2 * contrast[99]
    assert (
        above[60:, 230:270].max() < 110
    )  # where the line would come back, drawn out twice, as bright as it is


def test_the_background_at_an_edge_does_not_tinge_the_head_beyond_it():
    own = np.full((60, 200, 4), (250, 240, 230, 0), np.uint8)
    own[:, 60:140] = (40, 30, 30, 255)
    above = wider(own, top=20)[:20, 64:136, 0]
    assert above.max() < 60


def test_foreground_goes_on_below_and_beside():
    own = box(alpha=0)
    own[30:, 10:20, 3] = 255
    own[5:9, :4, 3] = own[5:9, -4:, 3] = 255
    alpha = wider(own, 6, 0, 6, 6)[..., 3]
    assert (alpha[-6:, 16:26] == 255).all() and not alpha[-6:, 26:].any()
    for beyond in (alpha[:, :6], alpha[:, -6:]):
        assert (beyond[5:9] == 255).all() and not beyond[9:].any()


@pytest.mark.parametrize(("slope", "fall"), [(0.0, 0.0), (0.5, 0.5), (-0.5, 0.0), (3.0, 1.0)])
def test_a_head_that_is_cut_off_at_its_side_narrows_as_it_did_before(slope, fall):
    """`slope`: pixels that its outline falls for each on the way to the edge. Clothes go on to the bottom."""
    own = np.zeros((600, 80, 4), np.uint8)
    rows, columns = np.mgrid[:600, :80]
    head = np.abs(rows - 250) < 180 - slope * (40 - columns)
    own[head | (rows >= 560), 3] = 255
    for alpha in (wider(own, left=20)[..., 19::-1, 3], wider(own[:, ::-1], right=20)[..., 80:, 3]):
        tall = (alpha[:560] > 127).sum(axis=0)
        assert tall[0] == pytest.approx((own[:560, 0, 3] > 0).sum() - 2 * fall, abs=2)
        assert np.diff(tall).mean() == pytest.approx(-2 * fall, abs=0.15)
        assert (alpha[560:] == 255).all()


@pytest.mark.parametrize(("half", "height"), [(20, 1.1), (100, 30.3), (180, 180)])
def test_a_head_that_is_cut_off_ends_in_an_arc(half, height):
    """As high as a circle of its own size, or of a usual head's, is above such a chord."""
    own = np.zeros((300, 500, 4), np.uint8)
    own[:, 250 - half : 250 + half, 3] = 255
    alpha = wider(own, top=200)[:200, :, 3] / 255
    assert alpha[:, 250].sum() == pytest.approx(height, abs=0.6)
    assert CROWN * PIXELS == 180
    widths = alpha.sum(axis=1)
    assert (np.diff(widths) >= 0).all()


def test_two_heads_end_in_an_arc_each():
    own = np.zeros((300, 500, 4), np.uint8)
    own[:, 40:200, 3] = own[:, 280:460, 3] = 255
    alpha = wider(own, top=50)[:50, :, 3]
    assert alpha[45, 120] == alpha[45, 370] == 255
    assert not alpha[:, 200:280].any()
