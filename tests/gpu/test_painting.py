"""Moving and painting on the device: nothing comes back to the host on the way, together is as alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from model_formats.batching import Batches, run_many

torch = pytest.importorskip("torch")

NEAR = {"small": 1e-5, "official": 1e-3}  # of the largest value, whatever a library chooses for a batch


def near(found, wanted, kind):
    found, wanted = (np.asarray(a.cpu() if torch.is_tensor(a) else a) for a in (found, wanted))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=NEAR[kind] * np.abs(wanted).max())


def test_what_is_moved_stays_on_the_device_until_it_is_painted(painters, poses, device):
    made = painters()
    moved = made.warper(poses[0])
    assert torch.is_tensor(moved)
    assert (moved.device.type, moved.dtype, tuple(moved.shape)) == (device, torch.float32, (1, 256, 64, 64))
    face = made.painter(poses[0], moved)
    assert isinstance(face, np.ndarray)
    assert (face.dtype, face.shape) == (np.float32, (512, 512, 3))
    assert face.flags.c_contiguous and 0 <= face.min() < face.max() <= 255


def test_a_moved_face_waits_in_memory_of_its_own(painters, poses):
    """The next call does not write over what an earlier one gave."""
    made = painters()
    first = made.warper(poses[0])
    kept = first.clone()
    made.warper(poses[1])
    assert torch.equal(first, kept)


def test_painting_what_lies_on_the_device_equals_painting_what_comes_from_the_host(painters, poses):
    made = painters()
    moved = made.warper(poses[0])
    np.testing.assert_array_equal(made.painter(poses[0], moved), made.painter(poses[0], moved.cpu().numpy()))


def test_a_batch_gives_what_each_frame_gives_alone(painters, poses):
    made = painters()
    together = made.warper.many(poses[:2])
    faces = made.painter.many(together)
    for pose, moved, face in zip(poses, together, faces, strict=False):
        assert torch.is_tensor(moved)
        alone = made.warper(pose)
        near(moved, alone, made.kind)
        assert np.abs(face - made.painter(pose, alone)).max() <= 1  # levels are whole, of 255


def test_two_sessions_that_share_calls_get_their_own_frames(painters, poses):
    made = painters()
    shared = Batches(made.warp, 2, wait=5.0)
    feeds = [{"feature_3d": p.source.look, "kp_source": p.at_rest, "kp_driving": p.driven} for p in poses[:2]]
    wanted = [run_many(made.warp, [feed], 2)[0]["out"] for feed in feeds]
    answers = {}

    def session(number):
        answers[number] = shared.run(feeds[number])["out"]

    threads = [threading.Thread(target=session, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert shared.sizes == {2: 1}
    for number in range(2):
        near(answers[number], wanted[number], made.kind)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_face_in_half_precision_is_near_the_exact_one(painters, poses, precision, device, computes):
    computes(precision, device)
    exact, half = painters(), painters(precision)
    wanted = exact.painter(poses[0], exact.warper(poses[0]))
    found = half.painter(poses[0], half.warper(poses[0]))
    assert np.abs(found - wanted).mean() < {"bf16": 4, "fp16": 1}[precision]  # of 255
