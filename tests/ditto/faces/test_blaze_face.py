import numpy as np
import pytest

from ditto.faces.blaze_face import BlazeFace
from ditto.packs.official.blaze_face import BlazeFace as OfficialBlazeFace

PICTURE = np.zeros((128, 128, 3), np.uint8)


class Answers:
    """A network that sees faces at anchors: (anchor, (x, y, width, height) from there in pixels, logit)."""

    def __init__(self, *faces):
        self.raw = np.zeros((1, 896, 16), np.float32)
        self.logits = np.full((1, 896, 1), -50, np.float32)
        for anchor, box, logit in faces:
            self.raw[0, anchor, :4] = box
            self.logits[0, anchor] = logit

    def run(self, feeds):
        return {"x": self.logits, "y": self.raw}


def found(*faces):
    return BlazeFace(Answers(*faces), "input")(PICTURE)


def test_a_face_has_its_size_in_pixels_of_the_square():
    (face,) = found((100, (0, 0, 40, 60), 5.0))
    np.testing.assert_allclose(face.high - face.low, [40, 60], rtol=1e-5)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("size", [(0, 0), (-20, 30), (30, -20), (np.nan, 10), (np.inf, 10)])
def test_a_box_without_extent_is_no_face(size):
    assert found((100, (0, 0, *size), 5.0)) == []


@pytest.mark.timeout(10)
def test_merging_ends_also_where_a_box_is_too_small_to_overlap_itself():
    assert len(found((0, (0, 0, 1e-30, 1e-30), 5.0), (500, (0, 0, 1e-30, 1e-30), 4.0))) == 2


def test_candidates_of_one_face_are_averaged_by_score_and_others_left_alone():
    one, other, apart = (100, (0, 0, 40, 40), 2.2), (100 + 1, (4, 0, 40, 40), 0.4), (888, (0, 0, 9, 9), 1.0)
    first, second = found(other, apart, one)
    assert first.score == pytest.approx(0.900, abs=1e-3)
    assert first.scores.tolist() == pytest.approx([0.900, 0.599], abs=1e-3)
    (alone,) = found(one)
    assert first.low[0] - alone.low[0] == pytest.approx(4 * 0.599 / (0.900 + 0.599), abs=1e-2)
    assert len(second.scores) == 1


def test_the_official_pack_scores_a_face_by_the_mean_of_its_candidates():
    network = Answers((100, (0, 0, 40, 40), 2.2), (101, (4, 0, 40, 40), 0.4))
    (face,) = OfficialBlazeFace(network)(np.zeros((512, 512, 3), np.uint8))
    assert face.shape == (17,)
    assert face[16] == pytest.approx((0.900 + 0.599) / 2, abs=1e-3)
