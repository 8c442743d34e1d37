import cv2
import numpy as np
import pytest

from ditto.packs.official.paste_back import OfficialCompositor, feathered_mask

EXACT = int(cv2.__version__.split(".")[0]) >= 5  # OpenCV 4 places samples on a grid of 1/32 pixel


@pytest.mark.golden("mask")
def test_the_mask_fades_towards_the_border(case):
    o = case.options
    mask = feathered_mask(o["W"], o["H"], o["ratio_w"], o["ratio_h"])
    stride = o["stride"]
    np.testing.assert_allclose(mask[::stride, ::stride], case.expected["mask_sub"], rtol=0, atol=1e-6)
    assert mask.sum(dtype=np.float64) == pytest.approx(float(case.expected["sum"]), rel=1e-6)


@pytest.mark.golden("putback")
@pytest.mark.parametrize("way", ["cy", "np"])
def test_the_face_is_laid_over_the_frame(case, way):
    face = np.ascontiguousarray(case.given["render"].transpose(1, 2, 0))
    frame = case.given["frame"]
    before = frame.copy()
    found = OfficialCompositor(compat=True).blend(frame, face, case.given["M_c2o"])
    apart = np.abs(found.astype(int) - case.expected[way])
    assert apart.max() <= (1 if EXACT else 5)
    assert apart.mean() < (0.01 if EXACT else 0.08)
    np.testing.assert_array_equal(frame, before)
