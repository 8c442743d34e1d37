import numpy as np
import pytest

from ditto.packs.official.blaze_face import BlazeFace, anchors, decode, merge


def raw_face(width, height, score_logit=5.0, at=(100,)):
    raw = np.zeros((896, 16), np.float32)
    logits = np.full((896, 1), -50, np.float32)
    for row in at:
        raw[row, 2:4] = width, height
        logits[row] = score_logit
    return raw, logits


def test_a_face_has_its_size_in_units_of_the_small_picture():
    raw, logits = raw_face(40, 60)
    (face,) = merge(decode(raw, logits, anchors()))
    np.testing.assert_allclose(face[2:4] - face[:2], [40, 60], rtol=1e-5)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("size", [(0, 0), (-20, 30), (30, -20), (np.nan, 10), (np.inf, 10)])
def test_a_box_without_extent_is_no_face(size):
    raw, logits = raw_face(*size)
    assert merge(decode(raw, logits, anchors())).shape == (0, 17)


@pytest.mark.timeout(10)
def test_merging_ends_also_where_a_box_does_not_overlap_itself():
    candidates = np.zeros((3, 17), np.float32)
    candidates[:, 16] = 0.9, 0.8, 0.7
    candidates[1, :4] = 5, 5, 3, 3
    candidates[2, :4] = 0, 0, 1e-30, 1e-30
    assert len(merge(candidates)) == 3


def test_candidates_of_one_face_are_averaged_by_score():
    candidates = np.zeros((2, 17), np.float32)
    candidates[0, :4], candidates[0, 16] = (0, 0, 10, 10), 0.9
    candidates[1, :4], candidates[1, 16] = (2, 0, 12, 10), 0.6
    (face,) = merge(candidates)
    assert face[0] == pytest.approx(2 * 0.6 / 1.5)
    assert face[16] == pytest.approx(0.75)


def test_outputs_are_told_apart_by_shape():
    raw, logits = raw_face(40, 60)

    class Renamed:
        def run(self, feeds):
            return {"x": logits[None], "y": raw[None]}

    assert BlazeFace(Renamed())(np.zeros((512, 512, 3), np.uint8)).shape == (1, 17)
