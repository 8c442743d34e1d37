"""A source frame repainted by a map: what stays, what moves, what comes into sight."""

from types import SimpleNamespace

import numpy as np
import pytest

from ditto.packs.mini.background.layers import Background, opaque_box
from ditto.packs.mini.paint.composite import repainted
from ditto.packs.mini.paint.shift_map import ShiftMap
from ditto.picture.cutout.plate import rough_plate

SIZE = (200, 240)  # height, width of the picture
BOX = (20, 10, 220, 190)  # left, top, right, bottom of what can move


@pytest.fixture
def picture():
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([columns, rows, (rows + columns) // 2], -1).astype(np.uint8)


class Scene:
    """A picture, the layers of its moving box, and the map that moves them."""

    def __init__(self, picture, shift, step=3, alpha=None, plate=0):
        """(2, h, w) `shift` of the grid, over a grey plate."""
        self.picture = picture
        self.opaque = opaque_box(picture, SimpleNamespace(box=BOX, wide_box=BOX))
        self.background = None
        if alpha is not None:
            grey = np.full((*alpha.shape, 3), plate, np.uint8)
            reach = np.full(alpha.shape, 255 if plate else 0, np.uint8)
            layered = np.dstack([self.opaque[..., :3], alpha])
            self.background = Background.laid(layered, np.dstack([grey, reach]))
        self.map = ShiftMap(*(np.ascontiguousarray(each, np.float32) for each in shift), step)

    def repainted(self):
        return repainted(self.picture, self.opaque, self.background, BOX[:2], self.map)


def moved(picture, *shift, **layers):
    return Scene(picture, *shift, **layers).repainted()


def shifts(x, y, step=3):
    """One shift for every grid point of the box."""
    left, top, right, bottom = BOX
    shape = (-(-(bottom - top) // step) + 2, -(-(right - left) // step) + 2)
    return np.full(shape, x, np.float32), np.full(shape, y, np.float32)


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_a_map_that_moves_nothing_gives_the_source_bit_for_bit(picture, step):
    result = moved(picture, shifts(0, 0, step), step)
    assert np.array_equal(result, picture)
    assert not np.shares_memory(result, picture)


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_every_pixel_comes_from_where_the_map_says(picture, step):
    result = moved(picture, shifts(7, -4, step), step)
    left, top, right, bottom = BOX
    inner = result[top + 8 : bottom - 8, left + 8 : right - 8]
    assert np.array_equal(inner, picture[top + 4 : bottom - 12, left + 15 : right - 1])


def test_between_pixels_colours_are_mixed(picture):
    result = moved(picture, shifts(0.5, 0))
    left, top, right, _ = BOX
    row = result[top + 50, left + 20 : right - 20, 0].astype(float)
    assert np.abs(row - (np.arange(left + 20, right - 20) + 0.5)).max() <= 0.5


def test_outside_the_box_and_where_the_map_rests_the_source_stays(picture):
    across, down = shifts(0, 0)
    across[20:30, 20:30] = 5
    result = moved(picture, (across, down))
    changed = np.argwhere((result != picture).any(-1))
    left, top = BOX[:2]
    assert len(changed)
    low, high = (changed.min(0) - (top, left)) / 3, (changed.max(0) - (top, left)) / 3
    assert low.min() > 17 and high.max() < 31


def test_background_is_not_moved(picture):
    alpha = np.zeros((180, 200), np.uint8)
    assert np.array_equal(moved(picture, shifts(6, 3), alpha=alpha), picture)


def test_foreground_is_moved_over_a_background_that_stays(picture):
    alpha = np.zeros((180, 200), np.uint8)
    alpha[60:120, 60:120] = 255
    result = moved(picture, shifts(10, 0), alpha=alpha)
    left, top = BOX[:2]
    box = result[top:190, left:220]
    source = picture[top:190, left:220]
    assert np.array_equal(box[61:119, 51:109], source[61:119, 61:119])
    assert np.array_equal(box[:, :48], source[:, :48])
    assert np.array_equal(box[:58], source[:58])


def test_where_the_foreground_has_gone_the_plate_is_seen(picture):
    alpha = np.zeros((180, 200), np.uint8)
    alpha[60:120, 60:120] = 255
    result = moved(picture, shifts(10, 0), alpha=alpha, plate=77)
    left, top = BOX[:2]
    assert np.abs(result[top + 65 : top + 115, left + 112 : left + 118].astype(int) - 77).max() <= 1


def test_a_part_that_hardly_moves_uncovers_hardly_anything(picture):
    alpha = np.zeros((180, 200), np.uint8)
    result = moved(picture, shifts(0.1, 0), alpha=alpha, plate=77)
    assert np.array_equal(result, picture)


@pytest.mark.parametrize("far", [1e4, -1e4, 1e30, -1e30, np.inf, np.nan])
def test_a_map_that_leads_out_of_the_picture_ends_at_its_edge(picture, far):
    result = moved(picture, shifts(far, 0))
    left, top, right, bottom = BOX
    inside = result[top:bottom, left:right]
    if np.isfinite(far):
        edge = picture[top:bottom, right - 1 if far > 0 else left]
        assert np.array_equal(inside, np.broadcast_to(edge[:, None], inside.shape))
    result[top:bottom, left:right] = picture[top:bottom, left:right]
    assert np.array_equal(result, picture)


def test_pixels_are_mixed_in_256ths(picture):
    sharp = picture.copy()
    sharp[:, 100:] = 255
    sharp[:, :100] = 0
    result = moved(sharp, shifts(3 / 256 + 0.125, 0))
    assert (result[60:120, 99] == 35).all()


def test_behind_a_half_covered_edge_the_picture_stays_as_it_was(picture):
    alpha = np.zeros((180, 200), np.uint8)
    alpha[60:120, 60:120] = 128
    scene = Scene(picture, shifts(0.1, 0), alpha=alpha)
    scene.background.layered[..., :3] = 0  # colours of the foreground alone
    left, top = BOX[:2]
    inner = (slice(top + 62, top + 118), slice(left + 62, left + 118))
    assert np.abs(scene.repainted()[inner].astype(int) - picture[inner] / 2).max() <= 1


@pytest.mark.parametrize("right", range(190, 206))
def test_a_box_of_any_width_is_painted_to_its_last_column(picture, monkeypatch, right):
    monkeypatch.setattr(f"{__name__}.BOX", (20, 10, right, 190))
    picture[:] = (50, 100, 150)
    alpha = np.full((180, right - 20), 128, np.uint8)
    scene = Scene(picture, shifts(5, 2), alpha=alpha, plate=200)
    scene.background.layered[..., :3] = 10
    result = scene.repainted()[10:190, 20:right]
    assert (result == result[0, 0]).all()
    assert (result[0, 0] != picture[0, 0]).all()
    opaque = Scene(picture, shifts(5, 2))
    opaque.opaque[..., :3] = 10
    assert (opaque.repainted()[10:190, 20:right] == 10).all()


@pytest.mark.parametrize("beyond", [(37, 21, 19, 30), (16, 16, 0, 0), (0, 0, 5, 9)])
def test_a_box_that_goes_beyond_the_picture_is_painted_as_far_as_the_picture_goes(picture, beyond):
    """As it is in a larger picture."""
    left, top, right, bottom = beyond
    larger = np.pad(picture, ((top, bottom), (left, right), (0, 0)), mode="symmetric")
    alpha = np.zeros(larger.shape[:2], np.uint8)
    alpha[top + 20 : top + 150, left + 30 : left + 170] = 128
    alpha[top + 40 : top + 120, left + 60 : left + 150] = 255
    plate = np.full((*alpha.shape, 4), 77, np.uint8)
    plate[..., 3] = 255
    background = Background.laid(np.dstack([larger, alpha]), plate)
    opaque = np.dstack([larger, np.full(alpha.shape, 255, np.uint8)])
    shape = (-(-alpha.shape[0] // 3) + 2, -(-alpha.shape[1] // 3) + 2)
    where = ShiftMap(np.full(shape, 7.3, np.float32), np.full(shape, -4.6, np.float32), 3)

    height, width = alpha.shape
    whole = repainted(larger, opaque, background, (0, 0), where)
    seen = repainted(picture, opaque, background, (-left, -top), where)
    assert np.array_equal(seen, whole[top : height - bottom, left : width - right])
    assert (seen != picture).any()


def test_a_plate_is_as_rough_as_it_is_asked_to_be():
    flat = np.full((40, 60, 4), 100, np.float32)
    flat[..., 3] = 0
    assert (rough_plate(flat, (600, 550)) == 100).all()
    flat[..., 3] = 4
    rough = rough_plate(flat, (600, 550)).astype(float)
    assert np.abs(rough - 100).mean() == pytest.approx(4, rel=0.1)
