from types import SimpleNamespace

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.settings import BlendSettings
from ditto.faces.outline import size_of
from ditto.packs.mini.source.template import default_template
from ditto.picture.blending import Blended

SOURCE = np.random.default_rng(0).integers(0, 256, (600, 640, 3), np.uint8)
POINTS = (default_template().shape * 200 + (320, 300, 0)).astype(np.float32)
MOUTH = tuple(np.rint(POINTS[[13, 14], 1::-1].mean(axis=0)).astype(int))
EYE = tuple(np.rint(POINTS[[33, 133], 1::-1].mean(axis=0)).astype(int))


def pose(blend=None, image=SOURCE, points=POINTS):
    return SimpleNamespace(source=SimpleNamespace(image=image, landmarks=points), blend=blend)


def blended(painted, at=None, **settings):
    return Blended(lambda pose, face: painted, BlendSettings(**settings))(at or pose(), None)


INVERTED = 255 - SOURCE


def test_by_default_the_painted_picture_is_handed_on_itself():
    assert blended(INVERTED) is INVERTED


@pytest.mark.parametrize("mode", ["blend", "strong", "replace"])
@pytest.mark.parametrize("region", ["mouth", "lower_face", "face"])
def test_a_region_is_painted_and_everything_else_stays_bit_for_bit(region, mode):
    done = blended(INVERTED, region=region, mode=mode)
    assert done[MOUTH].tolist() == INVERTED[MOUTH].tolist()
    assert (done[EYE] == (INVERTED if region == "face" else SOURCE)[EYE]).all()
    painted = (done != SOURCE).any(axis=2)
    rows, columns = np.nonzero(painted)
    room = 0.25 * size_of(POINTS)
    assert rows.min() > POINTS[:, 1].min() - room
    assert rows.max() < POINTS[:, 1].max() + room
    assert columns.min() > POINTS[:, 0].min() - room
    assert columns.max() < POINTS[:, 0].max() + room
    assert 0.005 < painted.mean() < 0.5


def test_a_source_painted_as_it_is_stays_bit_for_bit():
    for mode in ("blend", "weak", "replace"):
        for region in ("mouth", "face", "head"):
            np.testing.assert_array_equal(blended(SOURCE.copy(), region=region, mode=mode), SOURCE)


@pytest.mark.parametrize(
    ("settings", "share"),
    [({"mode": "weak"}, 0.5), ({"mode": "custom", "alpha": 0.3}, 0.3), ({"mode": "custom", "alpha": 0.0}, 0)],
)
@pytest.mark.parametrize("region", ["head", "lower_face"])
def test_a_share_mixes_both(settings, share, region):
    done = blended(INVERTED, region=region, **settings)
    wanted = SOURCE[MOUTH] * (1 - share) + INVERTED[MOUTH] * share
    np.testing.assert_allclose(done[MOUTH], wanted, atol=1)


def edge_width(**settings):
    """Pixels on the way out of the region that are neither the source nor painted."""
    done = blended(np.full_like(SOURCE, 200), pose(image=np.zeros_like(SOURCE)), **settings)
    column = done[:, MOUTH[1], 0]
    return int(((column > 5) & (column < 195)).sum())


def test_the_edge_is_soft_narrow_or_hard_by_the_mode():
    soft, narrow, hard = (edge_width(region="lower_face", mode=m) for m in ("blend", "strong", "replace"))
    assert soft > 2 * narrow > 4 * hard > 0
    assert hard <= 8


def test_the_feather_is_a_share_of_the_face():
    narrow, wide = (edge_width(region="mouth", feather=f) for f in (0.05, 0.15))
    whole = 2 * 0.15 * size_of(POINTS)  # the edges above and below, from nothing to all
    assert 0.5 * whole < wide <= whole
    assert narrow < wide / 2


def test_a_frame_may_have_its_own_share():
    np.testing.assert_array_equal(blended(INVERTED, pose(blend=0.0)), SOURCE)
    half = blended(INVERTED, pose(blend=0.5), mode="weak")
    np.testing.assert_allclose(half.astype(int), 127, atol=1)
    assert blended(INVERTED, pose(blend=1.0), mode="weak") is INVERTED


def test_colours_are_matched_along_the_seam():
    grey, warm = np.full_like(SOURCE, 100), np.full_like(SOURCE, 100)
    warm[..., 0] += 30
    plain = blended(warm, pose(image=grey), region="lower_face")
    matched = blended(warm, pose(image=grey), region="lower_face", match_colours=True)
    assert plain[MOUTH].tolist() == [130, 100, 100]
    assert matched[MOUTH].tolist() == [100, 100, 100]


def test_the_mask_is_shown_where_it_counts():
    grey = np.full_like(SOURCE, 100)
    shown = blended(grey.copy(), pose(image=grey), region="mouth", show_mask=True)
    assert shown[MOUTH][1] > shown[MOUTH][0]
    assert shown[EYE].tolist() == [100, 100, 100]


def test_a_face_beyond_the_edge_of_its_picture_is_blended_up_to_it():
    points = POINTS + np.float32([0, 260, 0])
    done = blended(INVERTED, pose(points=points), region="lower_face")
    assert (done[-1, 320] == INVERTED[-1, 320]).all()
    outside = blended(INVERTED, pose(points=points + np.float32([0, 900, 0])), region="mouth")
    np.testing.assert_array_equal(outside, SOURCE)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mode": "custom"}, "needs blend.alpha"),
        ({"alpha": 0.5}, "is for blend.mode 'custom'"),
        ({"mode": "custom", "alpha": 1.5}, "from 0 to 1"),
        ({"mode": "strongest"}, "must be one of: blend, strong"),
        ({"region": "nose"}, "must be one of: mouth"),
        ({"feather": 0.9}, "from 0 to 0.5"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        BlendSettings(**settings)
