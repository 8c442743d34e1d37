"""The built-in enhancer: crisper, without halos, and only on the face."""

import cv2
import numpy as np
import pytest

from ditto.faces.outline import outline
from ditto.picture.enhancers.sharpen import MAX_OVERSHOOT_LEVELS, Sharpened


@pytest.fixture
def face(source):
    mask = np.zeros(source.image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [outline(source.landmarks, "face").astype(np.int32)], 1)
    return mask.astype(bool)


def crispness(image, where):
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.abs(cv2.Laplacian(grey, cv2.CV_32F))[where].mean()


def test_the_face_becomes_crisper_the_stronger_it_is(source, pose, face):
    soft = cv2.GaussianBlur(source.image, (0, 0), 1.0)
    values = [crispness(Sharpened(strength)(pose(), soft), face) for strength in (0.0, 0.5, 1.0)]
    assert values[0] < values[1] < values[2]
    assert values[2] > 1.08 * values[0]


def test_what_lies_far_from_the_face_stays_bit_for_bit(source, pose, face):
    result = Sharpened()(pose(), source.image)
    reach = round(0.2 * np.ptp(np.flatnonzero(face.any(axis=1))))
    far = ~cv2.dilate(face.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)).astype(bool)
    assert far.any()
    assert np.array_equal(result[far], source.image[far])
    assert not np.array_equal(result, source.image)


def test_no_pixel_passes_what_lies_around_it(source, pose):
    image = np.repeat(cv2.cvtColor(source.image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    result = Sharpened()(pose(), image)
    around = np.ones((3, 3), np.uint8)
    assert (result <= cv2.dilate(image, around).astype(int) + MAX_OVERSHOOT_LEVELS).all()
    assert (result >= cv2.erode(image, around).astype(int) - MAX_OVERSHOOT_LEVELS).all()


def test_a_face_partly_outside_the_picture_is_no_obstacle(source, pose):
    corner = np.ascontiguousarray(source.image[: source.image.shape[0] // 3])
    assert Sharpened()(pose(), corner).shape == corner.shape
