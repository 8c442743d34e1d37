import dataclasses
import os

import numpy as np
import pytest

from ditto.motion.angles import Bins
from ditto.motion.vector import WIDTHS, named_arrays, source_motion
from ditto.source.avatar import SourceFrame
from ditto.source.cache import AvatarCache, files_seen, key_of


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (8, 6, 3), np.uint8)


def frame(image, appearance=None):
    rng = np.random.default_rng(1)
    return SourceFrame(
        index=0,
        image=image,
        motion=source_motion(
            {name: rng.standard_normal((1, width)).astype(np.float32) for name, width in WIDTHS.items()}
        ),
        eye_open=np.ones(2, np.float32),
        eye_ball=np.zeros(6, np.float32),
        to_frame=np.eye(3, dtype=np.float32),
        appearance=rng.standard_normal((1, 4, 4)).astype(np.float32) if appearance is None else appearance,
        landmarks=np.zeros((5, 2), np.float32),
        warnings=("the face is small",),
    )


def test_a_portrait_comes_back_as_it_was_measured(tmp_path):
    image = picture()
    cache, kept = AvatarCache(tmp_path / "cache"), frame(image)
    cache.store("key", kept)
    back = cache.load("key", image)
    assert back.warnings == kept.warnings
    assert back.image is image
    np.testing.assert_array_equal(back.appearance, kept.appearance)
    for name, values in named_arrays(kept.motion).items():
        np.testing.assert_array_equal(named_arrays(back.motion)[name], values)
    assert isinstance(back.motion.yaw, Bins)


def test_an_entry_keeps_the_names_that_it_has_on_disk(tmp_path):
    cache = AvatarCache(tmp_path)
    cache.store("key", frame(picture()))
    measured = {"eye_open", "eye_ball", "to_frame", "landmarks", "appearance", "warnings"}
    with np.load(tmp_path / "key.npz") as stored:
        assert set(stored.files) == measured | {f"motion.{name}" for name in WIDTHS}


def test_an_entry_without_a_part_of_the_motion_counts_as_absent(tmp_path):
    cache, image = AvatarCache(tmp_path), picture()
    cache.store("key", frame(image))
    with np.load(tmp_path / "key.npz") as stored:
        kept = {name: stored[name] for name in stored.files if name != "motion.yaw"}
    np.savez(tmp_path / "key.npz", **kept)
    assert cache.load("key", image) is None


@pytest.mark.parametrize("damage", [b"", b"not a zip", None])
def test_a_damaged_entry_counts_as_absent(tmp_path, damage):
    image, cache = picture(), AvatarCache(tmp_path)
    cache.store("key", frame(image))
    path = tmp_path / "key.npz"
    path.write_bytes(path.read_bytes()[:-200] if damage is None else damage)
    assert cache.load("key", image) is None


def test_an_entry_that_would_run_something_is_not_read(tmp_path):
    np.savez(tmp_path / "key.npz", warnings=np.array([object()], object))
    assert AvatarCache(tmp_path).load("key", picture()) is None


def test_a_key_tells_pictures_settings_and_model_files_apart(tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"1")
    keys = {key_of(picture(), files_seen([model])), key_of(picture(1), files_seen([model]))}
    model.write_bytes(b"22")
    keys.add(key_of(picture(), files_seen([model])))
    keys.add(key_of(picture(), files_seen([model]), "compat"))
    assert len(keys) == 4
    assert key_of(picture(), 1) == key_of(picture(), 1)


def test_what_is_not_one_array_is_not_kept(tmp_path):
    cache = AvatarCache(tmp_path)
    cache.store("key", dataclasses.replace(frame(picture()), appearance={"mesh": 1}))
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_entries_go_when_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr("ditto.source.cache.MAX_CACHE_BYTES", 5000)
    cache = AvatarCache(tmp_path)
    keys = [key_of(picture(), number) for number in range(5)]
    for number, key in enumerate(keys[:4]):
        cache.store(key, frame(picture()))
        os.utime(tmp_path / f"{key}.npz", (number, number))
    cache.store(keys[4], frame(picture()))
    assert (tmp_path / f"{keys[4]}.npz").exists()
    assert not (tmp_path / f"{keys[0]}.npz").exists()


def test_other_files_in_its_folder_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("ditto.source.cache.MAX_CACHE_BYTES", 5000)
    (tmp_path / "measured by hand.npz").write_bytes(bytes(6000))
    os.utime(tmp_path / "measured by hand.npz", (0, 0))
    for number in range(5):
        AvatarCache(tmp_path).store(key_of(picture(), number), frame(picture()))
    assert (tmp_path / "measured by hand.npz").stat().st_size == 6000


def test_an_unwritable_folder_is_no_reason_to_fail(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = AvatarCache(blocked / "cache")
    cache.store("key", frame(picture()))
    assert cache.load("key", picture()) is None


def test_an_empty_variable_switches_it_off(tmp_path, monkeypatch):
    monkeypatch.setenv("DITTO_CACHE", "")
    cache = AvatarCache.usual()
    cache.store("key", frame(picture()))
    assert cache.load("key", picture()) is None
