"""A head before a wall, and what is seen around it when it moves."""

import cv2
import numpy as np
import pytest

from ditto.faces.topology import MILLIMETRES, OVAL
from ditto.packs.mini.background.layers import TILE, Background
from ditto.packs.mini.source.geometry import geometry_of
from ditto.packs.mini.source.template import default_template

SIDE = 480
PIXELS = 1.5  # for a millimetre
MIDDLE = (240, 230)
AXES = (110, 150)  # of the head, pixels
DARK = (40, 30, 25)
WALL = (150, 160, 175)


def landmarks():
    """(478, 3) pixels of the average face looking ahead."""
    points = (default_template().shape * MILLIMETRES * PIXELS).astype(np.float32)
    points[:, :2] += MIDDLE
    return points


def head(soft=0.7):
    """(h, w) 0..1: how much of each pixel is head."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(mask, MIDDLE, AXES, 0, 0, 360, 255, -1)
    return cv2.GaussianBlur(mask, (0, 0), soft).astype(np.float32) / 255


def rough(image):
    """The head as a small network sees it."""
    small = cv2.resize(head(), (48, 48), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)


def rim():
    """(h, w) 0 or 1: a light band beside the lower right of the head, eight millimetres broad."""
    band = np.zeros((SIDE, SIDE), np.uint8)
    grown = (AXES[0] + 7, AXES[1] + 7)
    cv2.ellipse(band, MIDDLE, grown, 0, -10, 45, 1, 12)
    return np.where(head() > 0.02, 0, band)


def plain():
    noise = np.random.default_rng(1).normal(0, 1.5, (SIDE, SIDE, 1))
    return np.clip(np.array(WALL) + noise, 0, 255)


def striped():
    """Upright stripes, 24 pixels wide."""
    light = (np.arange(SIDE) // 24 % 2 == 0)[None, :, None]
    return np.broadcast_to(np.where(light, (210, 200, 190), (150, 30, 40)), (SIDE, SIDE, 3)).astype(float)


def before(wall, soft=0.7):
    share = head(soft)[..., None]
    return np.rint(np.array(DARK) * share + wall * (1 - share)).astype(np.uint8)


def afar(mask):
    """A network that knows a part of a picture no better than the whole: nothing is new from close."""
    return lambda image: (
        mask(image) if image.shape[:2] == (SIDE, SIDE) else np.zeros(image.shape[:2], np.float32)
    )


def background(picture, mask=rough, close=None):
    """What is found, each of its planes as large as the picture."""
    matte = close or afar(mask)
    geometry = geometry_of(picture, landmarks(), default_template())
    found = Background.of(picture, geometry, matte)
    left, top, right, bottom = geometry.box
    layered, plate = (
        np.zeros((SIDE, SIDE, 4), np.uint8),
        np.dstack([picture, np.zeros((SIDE, SIDE), np.uint8)]),
    )
    x, y = left - geometry.wide_box[0], top - geometry.wide_box[1]
    inside = (slice(y, y + bottom - top), slice(x, x + right - left))
    layered[top:bottom, left:right], plate[top:bottom, left:right] = (
        found.layered[inside],
        found.plate[inside],
    )
    return layered, plate


def test_a_hair_before_a_plain_wall_moves_with_the_head_and_is_not_left_behind():
    picture = before(plain())
    cv2.line(picture, (330, 160), (362, 140), (70, 60, 55), 2, cv2.LINE_AA)
    layered, plate = background(picture)
    for x, y in ((350, 147), (356, 144)):
        assert rough(picture)[y, x] < 0.02
        assert layered[y, x, 3] > 150
        assert np.abs(plate[y, x, :3] - np.array(WALL, float)).max() < 10
        assert plate[y, x, 3] == 255


@pytest.mark.parametrize(("ways", "taken"), [(2, True), (1, False)])
def test_an_ear_that_the_mask_misses_is_taken_if_it_is_seen_from_close_both_ways_round(ways, taken):
    picture = before(striped())
    ear = (int(landmarks()[list(OVAL), 0].max() + 9 * PIXELS), MIDDLE[1])
    cv2.ellipse(picture, ear, (12, 28), 0, 0, 360, (40, 160, 60), -1)
    looks = []

    def matte(image):
        if image.shape[:2] == (SIDE, SIDE):
            return rough(image)
        looks.append(image)
        green = (image[..., 1] > 120) & (image[..., 0] < 80)
        return (green if len(looks) <= ways else np.zeros_like(green)).astype(np.float32)

    layered, _ = background(picture, close=matte)
    assert len(looks) == 2
    assert np.array_equal(looks[0], looks[1][:, ::-1])
    assert (layered[ear[1], ear[0], 3] > 200) == taken


def test_a_broad_rim_that_the_mask_half_misses_moves_with_the_person_and_is_not_left_behind():
    picture = before(plain())
    picture[rim() > 0] = (110, 105, 135)
    layered, plate = background(picture, lambda image: np.maximum(rough(image), 0.3 * rim()))
    middle = cv2.erode(rim(), np.ones((5, 5), np.uint8)) > 0
    assert middle.sum() > 500
    assert np.median(layered[..., 3][middle]) > 200
    assert np.abs(plate[..., :3] - np.array(WALL, float)).max(-1)[middle].max() < 14


def test_an_earring_that_the_mask_half_takes_moves_whole_even_before_a_rough_wall():
    """The mask knows three quarters of it; the end is known by its colour alone."""
    noise = np.random.default_rng(2).normal(0, 14, (SIDE // 4, SIDE // 4, 1)).astype(np.float32)
    rough_wall = np.array(WALL) + cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)[..., None]
    picture = before(np.clip(rough_wall, 0, 255))
    x, top, bottom = 347, 280, 335
    picture[top:bottom, x - 5 : x + 5] = 8
    half = np.zeros((SIDE, SIDE), np.float32)
    half[top:318, x - 5 : x + 5] = 0.4
    layered, plate = background(picture, lambda image: np.maximum(rough(image), half))
    for y in (top + 15, bottom - 6):
        assert layered[y, x, 3] > 200
        assert plate[y, x, :3].min() > 90


def test_what_the_mask_half_takes_and_goes_on_beyond_it_stays():
    """A bar across the wall, of which the mask takes the part beside the head for the person."""
    picture = before(plain())
    bar = np.zeros((SIDE, SIDE), np.uint8)
    bar[255:275, 340:] = 1
    bar[head() > 0.02] = 0
    picture[bar > 0] = (110, 105, 135)
    half = np.where(np.arange(SIDE) < 375, bar, 0)
    layered, plate = background(picture, lambda image: np.maximum(rough(image), 0.2 * half))
    away = (bar > 0) & (np.arange(SIDE) > 365)
    assert layered[..., 3][away].max() == 0
    assert plate[..., 3][away].max() == 0


def test_letters_beside_the_head_stay():
    picture = before(plain())
    cv2.putText(picture, "ab", (366, 150), cv2.FONT_HERSHEY_SIMPLEX, 0.6, DARK, 1, cv2.LINE_AA)
    layered, plate = background(picture)
    letters = np.abs(picture.astype(int) - np.array(WALL)).max(-1) > 60
    letters[:, :362] = False
    assert letters.sum() > 40
    assert layered[..., 3][letters].max() == 0
    assert plate[..., 3][letters].max() == 0


def test_nothing_of_a_head_with_a_soft_edge_is_left_on_the_wall():
    _, plate = background(before(plain(), soft=2.5))
    shown = np.abs(plate[..., :3] - np.array(WALL, float)).max(-1)
    near = (head(2.5) > 0.002) & (head(12.0) < 0.6)
    assert shown[near].max() < 14


def test_the_outline_is_where_the_colours_change():
    layered, _ = background(before(plain()))
    off = np.abs(layered[..., 3] / 255 - head())[100:360]
    assert off.sum() < np.abs(rough(layered) - head())[100:360].sum() / 4


def test_the_foreground_over_the_background_is_the_picture():
    picture = before(plain(), soft=1.5)
    layered, plate = background(picture)
    share = layered[..., 3:] / 255
    both = layered[..., :3] * share + plate[..., :3] * (1 - share)
    edge = (layered[..., 3] > 0) & (layered[..., 3] < 255)
    assert edge.sum() > 400
    assert np.abs(both - picture)[edge].mean() < 4
    assert np.abs(layered[..., :3] - picture.astype(float))[layered[..., 3] == 255].max() == 0


@pytest.mark.parametrize("deep", [3, 7])
def test_stripes_go_on_behind_the_head(deep):
    """A smear is off by sixty grey levels and more."""
    _, plate = background(before(striped()))
    y = np.arange(150, 310)
    edge = MIDDLE[0] - AXES[0] * np.sqrt(1 - ((y - MIDDLE[1]) / AXES[1]) ** 2)
    x = np.rint(edge + deep).astype(int)
    off = np.abs(plate[y, x, :3] - striped()[y, x]).mean(-1)
    assert np.median(off) < 25


def test_far_from_the_head_the_picture_stays():
    picture = before(striped())
    layered, plate = background(picture)
    far = cv2.dilate((head() > 0.01).astype(np.uint8), np.ones((61, 61), np.uint8)) == 0
    assert layered[..., 3][far].max() == 0
    assert plate[..., 3][far].max() == 0


def test_a_person_that_fills_the_picture_has_nothing_behind():
    picture = before(plain())
    geometry = geometry_of(picture, landmarks(), default_template())
    found = Background.of(picture, geometry, lambda image: np.ones(image.shape[:2], np.float32))
    x, y = geometry.box[0] - geometry.wide_box[0], geometry.box[1] - geometry.wide_box[1]
    assert found.layered[y : y + SIDE, x : x + SIDE, 3].min() == 255
    assert found.solid[-(-y // TILE) :].all()
