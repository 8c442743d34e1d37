"""A person cut out, and what is behind them: both packs have the same three pictures."""

import cv2
import numpy as np

from ditto.faces.topology import MILLIMETRES
from ditto.packs.mini.background.layers import cut_out
from ditto.packs.mini.source.geometry import geometry_of
from ditto.packs.mini.source.template import default_template
from ditto.picture.cutout.cutout import Cutout

SIDE = 480
PERSON, WALL = (60, 40, 30), (150, 160, 175)


def landmarks():
    """(478, 3) pixels of the average face looking ahead."""
    points = (default_template().shape * MILLIMETRES * 1.5).astype(np.float32)
    points[:, :2] += (240, 230)
    return points


def head():
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(mask, (240, 230), (110, 150), 0, 0, 360, 255, -1)
    return cv2.GaussianBlur(mask, (0, 0), 1.5).astype(np.float32) / 255


def picture():
    share = head()[..., None]
    return np.rint(np.array(PERSON) * share + np.array(WALL) * (1 - share)).astype(np.uint8)


def together(cutout):
    behind = cv2.resize(cutout.behind, cutout.alpha.shape[::-1], interpolation=cv2.INTER_CUBIC)
    share = cutout.alpha[..., None] / 255
    return cutout.foreground * share + behind * (1 - share)


def cut_for_another_background(image):
    return Cutout.of(image, head())


def cut_to_be_moved(image):
    def seen(part):
        return head() if part.shape[:2] == (SIDE, SIDE) else np.zeros(part.shape[:2], np.float32)

    geometry = geometry_of(image, landmarks(), default_template())
    left, top, right, bottom = geometry.box
    assert (left, top, right, bottom) == (0, 0, SIDE, SIDE)
    return cut_out(image, geometry, seen)[0]


def test_a_person_laid_over_what_is_behind_is_the_picture_again():
    for cut in (cut_for_another_background, cut_to_be_moved):
        assert np.abs(together(cut(picture())) - picture()).mean() < 1


def test_a_soft_edge_has_the_persons_colours_and_what_is_behind_the_walls():
    edge = (head() > 0.2) & (head() < 0.8)
    for cut in (cut_for_another_background, cut_to_be_moved):
        cutout = cut(picture())
        wall = cv2.resize(cutout.behind, (SIDE, SIDE))
        assert np.abs(cutout.foreground[edge] - np.array(PERSON, float)).mean() < 12
        assert np.abs(wall[edge] - np.array(WALL, float)).mean() < 6
