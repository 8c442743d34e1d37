import cv2
import numpy as np
import pytest

from ditto.packs.official import blaze_face, detector, eyes, face_mesh, landmark106, landmark203
from tests.rounding import share

EXACT = int(cv2.__version__.split(".")[0]) >= 5  # OpenCV 4 places samples on a grid of 1/32 pixel
# Where a region lies is a sum of a few fp32 numbers of up to 640 pixels; neighbours differ by 1 at most.
PLACED = share(4) * 640


class Answers:
    """A network that gives fixed arrays and remembers what it was fed."""

    def __init__(self, **outputs):
        self.outputs = outputs
        self.seen = None

    def run(self, feeds):
        (self.seen,) = feeds.values()
        return self.outputs


def near(found, expected, rtol=1e-5):
    assert found.shape == expected.shape
    if expected.size:
        np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * np.abs(expected).max())


@pytest.fixture
def same_blob(summarise):
    """Compares a network's input with its stored summary."""

    def compare(case, name, planes, loose=0.0):
        expected = case.expected[f"{name}.sub"]
        step = planes.shape[-1] // expected.shape[-1]
        found = planes[..., ::step, ::step]
        if loose:
            assert np.abs(found - expected).max() <= loose
            return
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
        near(planes[0].mean(axis=(1, 2), dtype=np.float64), case.expected[f"{name}.chan_mean"])
        near(planes[0].std(axis=(1, 2), dtype=np.float64), case.expected[f"{name}.chan_std"])
        key = f"{case.expected[f'{name}.proj_key']}:{name}"
        near(summarise(planes, key), case.expected[f"{name}.stats"], 1e-6)

    return compare


def scrfd_outputs(case):
    outputs = {}
    for name, width in (("scores", 1), ("boxes", 4), ("kps", 10)):
        for level, stride in enumerate((8, 16, 32), start=1):
            full = np.zeros((2 * (512 // stride) ** 2, width), np.float32)
            full[case.given[f"idx{level}"]] = case.given[f"{name}{level}"]
            outputs[f"{name}{level}"] = full
    return outputs


@pytest.mark.golden("insightface_det")
def test_faces_from_the_detectors_raw_outputs(case, same_blob):
    o = case.options
    image = cv2.GaussianBlur(case.given["image"], (0, 0), o["blur_sigma"])
    network = Answers(**scrfd_outputs(case))
    found = detector.FaceDetector(network)(image, o.get("det_thresh", detector.MIN_SCORE))
    most, by_size = o.get("max_num", 0), o.get("metric") == "max"
    if 0 < most < len(found):
        found = found.by_size().take(np.arange(most)) if by_size else found.foremost(most, *image.shape[:2])
    near(found.boxes, case.expected["det"])
    near(found.keypoints, case.expected["kps"])
    if "sorted" in case.expected:
        near(found.by_size().boxes, case.expected["sorted"])
    same_blob(case, "blob", network.seen)


@pytest.mark.golden("landmark106")
def test_106_landmarks_from_a_box(case, same_blob):
    image = cv2.GaussianBlur(case.given["image"], (0, 0), 2)
    network = Answers(fc1=case.given["pred"])
    found = landmark106.Landmark106(network)(image, case.given["bbox"])
    near(found, case.expected["lmk"])
    near(landmark106.prepare(image, case.given["bbox"])[1], case.expected["M"])
    same_blob(case, "blob", network.seen, 0 if EXACT else 1)


@pytest.mark.golden("landmark203")
def test_203_landmarks_from_a_crop(case, same_blob):
    network = Answers(landmarks=case.given["pred"])
    found = landmark203.Landmark203(network)(case.given["crop"], case.given.get("M_c2o"))
    assert found.dtype == case.expected["lmk"].dtype
    near(found, case.expected["lmk"])
    same_blob(case, "inp", network.seen)


@pytest.mark.golden("blaze_face", op="anchors")
def test_the_anchors_of_the_small_detector(case):
    near(blaze_face.anchors(), case.expected["anchors"], 1e-12)


@pytest.mark.golden("blaze_face", op="detect")
def test_the_small_detectors_faces(case, same_blob):
    network = Answers(
        regressors=case.given["regressors"],
        classificators=case.given["classificators"],
    )
    found = blaze_face.BlazeFace(network)(case.given["image"])
    near(found, case.expected["det"])
    same_blob(case, "inp", network.seen.transpose(0, 3, 1, 2))


@pytest.mark.golden("face_mesh478", op="roi")
def test_the_region_the_mesh_sees(case):
    o = case.options
    shape = {"SQUARE_LONG": "long", "SQUARE_SHORT": "short", "DEFAULT": "as is"}[o["mode"]]
    eyes_at = case.given["kps"] if o["use_kps"] else None
    region = face_mesh.face_region(case.given["bbox"], eyes_at, o["scale"], shape)
    found = np.array([region.x, region.y, region.width, region.height, region.angle])
    near(found, case.expected["roi"])
    assert region.angle == pytest.approx(float(case.expected["roi"][4]), rel=1e-5, abs=1e-6)


@pytest.mark.golden("face_mesh478", op="mesh")
def test_the_mesh_inside_a_region(case, same_blob):
    image = cv2.GaussianBlur(case.given["image"], (0, 0), case.options["blur_sigma"])
    network = Answers(Identity=case.given["identity"])
    found = face_mesh.FaceMesh(network)(image, face_mesh.Region(*case.given["roi"].tolist()))
    near(found, case.expected["points"])
    same_blob(case, "roi_img", network.seen.transpose(0, 3, 1, 2), 0 if EXACT else 0.008)


@pytest.mark.golden("face_mesh478", op="full")
def test_detector_and_mesh_together(case, same_blob):
    image = cv2.GaussianBlur(case.given["image"], (0, 0), case.options["blur_sigma"])
    small = Answers(regressors=case.given["regressors"], classificators=case.given["classificators"])
    mesh = Answers(Identity=case.given["identity"])
    both = face_mesh.Landmark478(blaze_face.BlazeFace(small), face_mesh.FaceMesh(mesh), compat=True)
    near(both(image, np.zeros((1, 2)))[None], case.expected["lmk"])
    same_blob(case, "roi_img", mesh.seen.transpose(0, 3, 1, 2), PLACED if EXACT else 0.008)


@pytest.mark.golden("eye_info")
def test_eyes_from_478_landmarks(case):
    landmarks = case.given["lmk"]
    near(eyes.openness(landmarks), case.expected["LR_open"])
    near(eyes.gaze(landmarks), case.expected["LR_ball_move"])
    near(eyes.offset(landmarks), case.expected["LR_ball_direc"])
    if case.expected["ball6"].size:
        near(eyes.gaze(landmarks).reshape(-1, 6), case.expected["ball6"])
