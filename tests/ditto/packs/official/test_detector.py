import numpy as np
import pytest

from cfg.errors import ModelError
from ditto.packs.official.detector import FaceDetector, distinct, overlap


class Scrfd:
    """A detector network that sees faces of a score at cells of the coarsest grid."""

    def __init__(self, *faces, names="abc"):
        self.outputs = {}
        for level, stride in enumerate((8, 16, 32)):
            rows = 2 * (512 // stride) ** 2
            for width, name in zip((1, 4, 10), names, strict=True):
                self.outputs[f"{name}{level}"] = np.zeros((rows, width), np.float32)
        for column, row, score, reach in faces:
            at = 2 * (row * 16 + column)
            self.outputs[f"{names[0]}2"][at] = score
            self.outputs[f"{names[1]}2"][at] = reach / 32

    def run(self, feeds):
        (blob,) = feeds.values()
        assert blob.shape == (1, 3, 512, 512)
        return self.outputs


PICTURE = np.zeros((256, 512, 3), np.uint8)


def test_faces_come_in_pixels_of_the_picture():
    found = FaceDetector(Scrfd((4, 4, 0.9, 32)))(np.zeros((1024, 1024, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, [[192, 192, 320, 320, 0.9]])


def test_the_largest_face_comes_first_when_sorted_by_size():
    found = FaceDetector(Scrfd((2, 2, 0.9, 20), (10, 4, 0.6, 50)))(PICTURE)
    assert found.boxes[:, 4].tolist() == pytest.approx([0.9, 0.6])
    assert found.by_size().boxes[:, 4].tolist() == pytest.approx([0.6, 0.9])


def test_without_a_face_the_best_score_is_still_told():
    found = FaceDetector(Scrfd((2, 2, 0.21, 20)))(PICTURE)
    assert len(found) == 0
    assert found.best_score == pytest.approx(0.21)


def test_boxes_of_one_face_are_merged_into_the_surest():
    boxes = np.array([[0, 0, 10, 10, 0.9], [1, 1, 11, 11, 0.8], [30, 30, 40, 40, 0.7]], np.float32)
    assert distinct(boxes).tolist() == [0, 2]


def test_outputs_that_are_no_detectors_are_refused():
    class Other:
        def run(self, feeds):
            return {"logits": np.zeros((1, 7), np.float32)}

    with pytest.raises(ModelError, match=r"rows of 1 .* logits \[1, 7\]"):
        FaceDetector(Other())(PICTURE)


def test_the_picture_may_be_a_very_thin_strip():
    FaceDetector(Scrfd())(np.zeros((2, 2000, 3), np.uint8))


def test_overlap_is_shared_area_over_joint_area():
    boxes = np.array([[0, 0, 10, 10, 1], [5, 0, 15, 10, 1], [20, 20, 20, 20, 1]], np.float32)
    np.testing.assert_allclose(overlap((0, 0, 10, 10), boxes), [1, 1 / 3, 0])
