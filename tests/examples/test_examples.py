from pathlib import Path

import pytest

from ditto.bundled import FOLDER
from ditto.faces.finder import FaceFinder
from ditto.media.picture import read_picture

EXAMPLES = Path(__file__).parents[2] / "examples"
PICTURES = sorted(path.name for path in EXAMPLES.glob("*.jpg"))


def test_the_origin_of_every_example_is_told():
    told = (EXAMPLES / "README.md").read_text()
    there = {path.name for path in EXAMPLES.iterdir()} - {"__pycache__"}
    untold = {name for name in there if f"`{name}`" not in told}
    assert untold == {"README.md"}


@pytest.fixture(scope="module")
def finder():
    return FaceFinder.open(FOLDER)


@pytest.mark.parametrize("name", PICTURES)
def test_each_portrait_shows_one_clear_face(finder, name):
    found = finder.find(read_picture(EXAMPLES / name))
    assert len(found) == 1
    assert found[0].presence > 0.9
