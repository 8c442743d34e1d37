"""How far what is around a face moves with it."""

import numpy as np

from ditto.faces.topology import MILLIMETRES, OVAL, POINTS
from ditto.packs.mini.source.geometry import geometry_of
from ditto.packs.mini.source.head_mesh import ring_triangles
from ditto.packs.mini.source.template import default_template

PIXELS = 2.0  # for a millimetre


def looked_at(room, above):
    """The mesh of a face in a picture with so many pixels about it, and above it."""
    points = (default_template().shape * MILLIMETRES * PIXELS).astype(np.float32)
    points[:, :2] += (room, above) - points[:, :2].min(0)
    width = int(np.ptp(points[:, 0]) + 2 * room)
    picture = np.zeros((int(points[:, 1].max()) + room, width, 3), np.uint8)
    return geometry_of(picture, points, default_template())


def moves_fully(look):
    """Weights of the rings around the face, less those of a face with all the room there is."""
    free = looked_at(900, 900).rings.weight
    rings = look.rings.points[: 4 * len(OVAL)]
    inside = (rings >= 0).all(1) & (rings < look.wide_box[2:]).all(1)
    return np.abs(look.rings.weight[: len(rings)] - free[: len(rings)])[inside].max() < 1e-3


def test_a_head_close_to_the_edge_moves_like_any_other():
    assert moves_fully(looked_at(60, 160))


def test_a_cut_off_forehead_stays_at_the_edge():
    look = looked_at(60, 20)
    assert look.wide_box[1] == 0
    assert not moves_fully(look)


def test_the_wide_box_is_the_box_where_the_picture_has_room():
    look = looked_at(900, 900)
    assert look.wide_box == look.box
    tight = looked_at(60, 160)
    assert tight.wide_box[0] < 0 and tight.box[0] == 0
    assert tight.wide_box[3] > tight.box[3]
    assert ring_triangles().max() < POINTS + len(tight.rings.points)
