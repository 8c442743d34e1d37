import zipfile

import pytest

from cfg.errors import ModelError
from ditto.packs.official import task_file
from ditto.packs.official.task_file import TaskFile


@pytest.fixture
def bundle(tmp_path):
    """Writes a task bundle of the given members."""

    def write(**members):
        path = tmp_path / "face_landmarker.task"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(f"{name}.tflite", content)
        return TaskFile(path)

    return write


def test_a_bundle_without_the_network_is_refused_by_its_name(bundle):
    with pytest.raises(ModelError, match=r"holds no face_detector\.tflite"):
        _ = bundle(other=b"x").detector


def test_a_network_that_unpacks_to_too_much_is_refused(bundle, monkeypatch):
    monkeypatch.setattr(task_file, "MAX_NETWORK_BYTES", 1000)
    with pytest.raises(ModelError, match="larger than 1000 bytes"):
        _ = bundle(face_detector=b"\0" * 100_000).detector


def test_what_is_no_bundle_is_refused(tmp_path):
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelError, match="cannot be read as a task bundle"):
        _ = TaskFile(path).mesh


def test_a_damaged_member_is_refused(bundle, tmp_path):
    bundle(face_landmarks_detector=bytes(range(256)) * 50)
    path = tmp_path / "face_landmarker.task"
    damaged = bytearray(path.read_bytes())
    damaged[80:120] = b"\xff" * 40
    path.write_bytes(bytes(damaged))
    with pytest.raises(ModelError, match="cannot be read as a task bundle"):
        _ = TaskFile(path).mesh


def test_a_bundle_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.task: no such file"):
        _ = TaskFile(tmp_path / "none.task").detector
