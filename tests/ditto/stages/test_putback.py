from types import SimpleNamespace

import numpy as np
import pytest

from ditto.packs.official.paste_back import OfficialCompositor, feathered_mask, mask_for
from ditto.stages.decode import Decode
from ditto.stages.messages import Face, Pose, Warped
from ditto.stages.putback import Putback
from ditto.stages.warp import Warp

PICTURE = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
FACE = np.full((512, 512, 3), 100.6, np.float32)


def at(x, y, scale):
    return np.array([[scale, 0, x], [0, scale, y], [0, 0, 1]], np.float32)


def test_levels_are_rounded_and_only_in_compat_cut_off():
    middle = (200, 300)
    place = at(-100, -100, 2)
    picture = np.full((600, 600, 3), 100, np.uint8)
    assert OfficialCompositor().blend(picture, FACE, place)[middle].tolist() == [101] * 3
    assert OfficialCompositor(compat=True).blend(picture, FACE, place)[middle].tolist() == [100] * 3


def test_outside_the_square_every_bit_stays():
    done = OfficialCompositor().blend(PICTURE, FACE, at(50, 60, 0.25))
    changed = (done != PICTURE).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.min() >= 60
    assert rows.max() <= 60 + 128
    assert columns.min() >= 50
    assert columns.max() <= 50 + 128
    assert changed[60 + 64, 50 + 64]


def test_a_square_that_equals_the_picture_gives_back_the_picture():
    face = np.random.default_rng(1).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    picture = np.zeros((700, 700, 3), np.uint8)
    picture[40:552, 30:542] = face
    done = OfficialCompositor().blend(picture, face.astype(np.float32), at(30, 40, 1))
    np.testing.assert_array_equal(done, picture)


@pytest.mark.parametrize("place", [at(-300, 10, 0.5), at(390, 290, 0.5), at(500, 500, 1), at(-2000, 0, 1)])
def test_a_square_may_reach_beyond_the_picture_or_miss_it(place):
    mask = feathered_mask(512, 512)
    whole = OfficialCompositor(mask).blend(
        np.pad(PICTURE, ((600, 600), (600, 600), (0, 0))), FACE, shifted(place)
    )
    done = OfficialCompositor(mask).blend(PICTURE, FACE, place)
    assert np.abs(done.astype(int) - whole[600:900, 600:1000]).max() <= 1


def shifted(place):
    return (at(600, 600, 1).astype(np.float64) @ place).astype(np.float32)


def test_the_source_picture_is_never_written_into():
    picture = PICTURE.copy()
    picture.setflags(write=False)
    done = OfficialCompositor().blend(picture, FACE, at(0, 0, 0.5))
    assert not np.shares_memory(done, picture)


def test_every_source_frame_has_its_own_place():
    compositor = OfficialCompositor()
    compositor.blend(PICTURE, FACE, at(0, 0, 0.2))
    moved = compositor.blend(PICTURE, FACE, at(200, 100, 0.2))
    np.testing.assert_array_equal(moved, OfficialCompositor().blend(PICTURE, FACE, at(200, 100, 0.2)))
    small = compositor.blend(PICTURE[:200], FACE, at(200, 100, 0.2))
    np.testing.assert_array_equal(small, OfficialCompositor().blend(PICTURE[:200], FACE, at(200, 100, 0.2)))


def test_the_mask_is_full_inside_and_gone_at_the_border():
    mask = feathered_mask(100, 100, 0.8, 0.8)
    assert mask[10:90, 10:90].min() == 1
    assert mask[0].max() == 0
    assert mask[:, -1].max() == 0


def test_three_stages_paint_a_pose_into_its_picture():
    pose = Pose(2, 7, SimpleNamespace(image=PICTURE, seen=True), None, None, None, None)
    stages = (
        Warp(lambda p: ("warped", p.index)),
        Decode(lambda p, warped: ("painted", warped)),
        Putback(lambda p, face: p.source.image if face == ("painted", ("warped", 7)) else None),
    )
    item = pose
    for stage, made in zip(stages, (Warped, Face, None), strict=True):
        (item,) = stage.process(item)
        assert (item.turn, item.index) == (2, 7)
        assert made is None or isinstance(item, made)
        assert list(stage.flush()) == []
    assert item.image is PICTURE


def test_memory_kept_between_frames_is_not_what_was_given_out():
    compositor = OfficialCompositor()
    first = compositor.blend(PICTURE, FACE, at(0, 0, 0.5))
    kept = first.copy()
    compositor.blend(PICTURE, 255 - FACE, at(50, 20, 0.3))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(compositor.blend(PICTURE, FACE, at(0, 0, 0.5)), kept)


def test_the_mode_of_blending_says_how_strongly_the_square_covers():
    soft, strong, full = (mask_for(mode) for mode in ("blend", "strong", "replace"))
    np.testing.assert_array_equal(soft, feathered_mask(512, 512))
    assert soft[0, 0] == 0
    assert strong.min() == 0.5
    assert full.min() == soft[256, 256] == strong[256, 256] == 1
