import resource

import pytest

from cfg.atomic_write import write_whole
from cfg.errors import MediaError


@pytest.fixture
def small_disk():
    """Files of at most 10 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_takes_the_place_of_the_one_before(tmp_path):
    for content in ("first", b"\0\1", ""):
        write_whole(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_on_a_full_disk_the_one_before_stays_and_nothing_beside_it(tmp_path, small_disk):
    write_whole(tmp_path / "a", "before")
    with pytest.raises(MediaError, match=r"a: cannot be written: File too large$"):
        write_whole(tmp_path / "a", "x" * 100)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "before"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MediaError, match=r"none/a: cannot be written: No such file or directory$"):
        write_whole(tmp_path / "none" / "a", "x")
