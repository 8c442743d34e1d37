"""What tells one render from another."""

import os

import pytest

from stream_pipeline.recipe import MAX_HASHED_BYTES, described, named_files


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_text("one")
    return path


@pytest.mark.parametrize(
    "groups",
    [
        lambda file: {"stitch": {"controls": str(file)}},
        lambda file: {"output": {"background": str(file)}},
        lambda file: {"enhance": {"enhancer": "gfpgan", "model": str(file)}},
        lambda file: {"condition": {"override": {"of": [{"path": file}]}}},
        lambda file: {"pack": {"root": str(file.parent), "files": {"decoder": file.name}}},
    ],
)
def test_the_content_of_every_file_that_is_named_counts(settings, file, groups):
    chosen = settings(**groups(file))
    assert named_files(chosen) == {file}
    before, changed = described(chosen), file.stat().st_mtime_ns
    assert described(chosen) == before
    file.write_text("other")
    os.utime(file, ns=(changed, changed))
    assert described(chosen) != before


def test_a_large_file_is_told_by_its_size_and_time(settings, file):
    chosen = settings(enhance={"model": str(file)})
    os.truncate(file, MAX_HASHED_BYTES + 1)
    before = described(chosen)
    os.utime(file, ns=(1, 1))
    assert described(chosen) != before


def test_what_is_no_name_of_a_file_is_no_error(settings):
    assert named_files(settings(enhance={"model": "a" * 5000, "upscaler": "a\0b"})) == set()


def test_that_a_run_may_be_resumed_does_not_count(settings):
    assert described(settings(output={"resume": True})) == described(settings())
