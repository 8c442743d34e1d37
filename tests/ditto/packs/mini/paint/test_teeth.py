"""Drawn teeth: one row without steps, as fine as the picture they are painted into."""

import numpy as np
import pytest

from ditto.packs.mini.paint.teeth import TEXELS_PER_MM, drawn_parts, mouth_parts

SEEN = slice(12 * TEXELS_PER_MM, 48 * TEXELS_PER_MM)  # columns within 18 mm of the middle: lips show no more


def edge_of(row, above):
    """(columns,) millimetres at which a row of teeth ends, above or below the middle of its picture."""
    cover = row[:, SEEN, 0] > 0.5
    inside = cover if above else cover[::-1]
    return (len(inside) - np.argmax(inside[::-1], axis=0)) / TEXELS_PER_MM


@pytest.mark.parametrize("number", [0, 1])
def test_the_edge_of_a_row_of_teeth_has_no_steps(number):
    edge = edge_of(drawn_parts()[number], above=number == 0)
    assert np.abs(np.diff(edge)).max() <= 2.01 / TEXELS_PER_MM
    assert np.ptp(edge) > 0.5  # nor is it a ruler


def test_teeth_are_told_apart_by_faint_shadows():
    shade = drawn_parts()[0][14 * TEXELS_PER_MM, SEEN, 1]
    lines = shade[2:-2] - (shade[:-4] + shade[4:]) / 2
    assert -0.1 < lines.min() < -0.01


def test_what_is_finer_than_a_pixel_is_averaged_so_that_no_tooth_stands_out_by_chance():
    fine, seen = (part[0][14 * TEXELS_PER_MM, SEEN, 1] for part in (drawn_parts(), mouth_parts(1.0)))
    whole = np.convolve(fine, np.full(TEXELS_PER_MM, 1 / TEXELS_PER_MM), "same")  # a pixel of one millimetre
    inner = slice(TEXELS_PER_MM, -TEXELS_PER_MM)
    missed, left = (np.abs(row - whole)[inner].max() for row in (fine, seen))
    assert left < 0.5 * missed


def test_a_picture_finer_than_the_drawing_gets_the_drawing_itself():
    assert mouth_parts(0.1) is drawn_parts()
