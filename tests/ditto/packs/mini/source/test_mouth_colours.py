"""Colours that a portrait does not show."""

import numpy as np
import pytest

from ditto.packs.mini.source.mouth_colours import LUMA, colours_of
from ditto.packs.mini.source.template import default_template


@pytest.mark.parametrize("tone", [(225, 190, 170), (120, 80, 60), (60, 40, 32)])
def test_teeth_are_lighter_than_the_skin_but_not_far(tone):
    points = default_template().shape[:, :2] * 120 + 200
    picture = np.full((400, 400, 3), tone, np.uint8)
    teeth, skin = (float(colour @ LUMA) for colour in (colours_of(picture, points)[0], np.array(tone)))
    assert min(1.1 * skin + 5, 220) < teeth < 1.35 * skin + 12
