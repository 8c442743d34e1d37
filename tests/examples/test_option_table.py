"""docs/coming_from.md has a row for each option of others, and names tests and options that exist."""

import argparse
import re
from pathlib import Path

import pytest

from cfg.reading import as_mapping
from cfg.settings import Settings
from scripts.options_page import rewritten
from scripts.video_flags import BLEND_CONTROL, PRESERVE_MOTION, VIDEO
from stream_pipeline.commands.batch import add_arguments
from stream_pipeline.commands.render import add_arguments as add_render_arguments
from stream_pipeline.keywords import PLACES

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs" / "coming_from.md").read_text()
DITTO = (
    "--data_root --cfg_pkl --audio_path --source_path --output_path fade_in fade_out chunksize online_mode"
)
SADTALKER = """
--driven_audio --source_image --ref_eyeblink --ref_pose --checkpoint_dir --result_dir --pose_style
--batch_size --size --expression_scale --input_yaw --input_pitch --input_roll --enhancer --cpu
--background_enhancer --face3dvis --still --preprocess --verbose --old_version --net_recon --init_path
--use_last_fc --bfm_folder --bfm_model --focal --center --camera_d --z_near --z_far
"""
DRAGONTALKER = """
--source_image --driven_audio --result_dir --preprocess --enhancer --outputfps --faceid_weight --output_size
--device --audio_dir --output_dir precision tile_size bitrate
"""


def rows(text):
    """(theirs, ours, tests) of every row."""
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("| ")]
    return [row for row in cells if row[0].strip() not in ("theirs", "what")]


def section(title):
    return TABLE.partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize(
    ("title", "options"),
    [
        ("Ditto", [*DITTO.split(), *PLACES]),
        ("Ditto", [flag.name for flag in (*VIDEO, *PRESERVE_MOTION, *BLEND_CONTROL)]),
        ("SadTalker", SADTALKER.split()),
        ("DragonTalker", DRAGONTALKER.split()),
    ],
    ids=["Ditto", "scripts", "SadTalker", "DragonTalker"],
)
def test_each_option_of_theirs_has_a_row(title, options):
    theirs = " ".join(row[0] for row in rows(section(title)))
    assert {option for option in options if not re.search(rf"(?<![\w-]){option}\b", theirs)} == set()


def test_every_test_that_is_named_exists():
    for *_, tests in rows(TABLE):
        for name in re.findall(r"`([^`]+)`", tests):
            path, _, function = name.partition("::")
            file = ROOT / "tests" / path
            assert file.is_file(), name
            assert not function or f"def {function}(" in file.read_text(), name


@pytest.fixture(scope="module")
def known():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return {option for action in parser._actions for option in action.option_strings}


def test_every_option_of_ours_is_understood(known):
    for _, ours, _ in rows(TABLE):
        assert set(re.findall(r"(?<![\w-])(--[a-z][\w-]*)", ours)) <= known, ours


def test_every_option_of_a_render_is_described():
    parser = argparse.ArgumentParser()
    add_render_arguments(parser)
    text = (ROOT / "docs" / "options.md").read_text()
    for action in parser._actions:
        assert any(re.search(rf"`{name}\b", text) for name in action.option_strings), action.dest


def test_the_page_of_options_is_what_the_table_of_options_makes():
    page = (ROOT / "docs" / "options.md").read_text("utf-8")
    assert rewritten(page) == page, "run make options-page"


SETTINGS = as_mapping(Settings())
NAMED = rf"`({'|'.join(SETTINGS)})\.(\w+)[^`]*`"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_settings_are_called_what_a_configuration_file_calls_them(page):
    named = re.findall(NAMED, re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.S | re.M))
    assert [f"{group}.{name}" for group, name in named if name not in SETTINGS[group]] == []


def test_the_page_of_controls_has_every_setting_of_the_stitch_stage_and_its_original_name():
    table = (ROOT / "docs" / "controls.md").read_text("utf-8").partition("## The whole stream\n")[2]
    told = " ".join(row[0] for row in rows(table.partition("\n## ")[0]))
    assert set(re.findall(r"`(\w+)`", told)) - {*SETTINGS["stitch"]} == {
        theirs for theirs, (group, ours) in PLACES.items() if group == "stitch" and theirs != ours
    }
    assert {name for name in SETTINGS["stitch"] if f"`{name}`" not in told} == set()


def test_what_is_the_same_is_understood_by_their_name(known):
    for theirs, ours, _ in rows(TABLE):
        if ours.strip().startswith("the same"):
            assert set(re.findall(r"--[a-z_]+", theirs)) <= known, theirs
