"""Named sets of settings."""

import pytest

from cfg.errors import ConfigError
from cfg.preset import FOLDER, ORDER, preset, purpose
from cfg.reading import build
from cfg.settings import Settings


@pytest.mark.parametrize("name", ORDER)
def test_every_preset_holds_settings_and_says_what_it_is_for(name):
    built = build(Settings, preset(name))
    assert (built == Settings()) == (name == "default")
    assert purpose(name).endswith(".")


def test_every_file_is_a_preset_that_is_listed():
    assert {entry.name for entry in FOLDER.iterdir()} == {f"{name}.yaml" for name in ORDER}


def test_of_several_presets_a_later_one_counts_over_an_earlier():
    both = preset("max-quality,fast")
    assert both == preset("fast") | {"motion": preset("fast")["motion"]}
    assert set(preset("expressive, fast")) == set(preset("expressive")) | set(preset("fast"))


def test_effort_falls_from_max_quality_to_fast():
    steps = [preset(name)["motion"]["steps"] for name in ("max-quality", "balanced", "fast")]
    crf = [preset(name)["output"]["crf"] for name in ("max-quality", "balanced", "fast")]
    assert steps == sorted(steps, reverse=True) and crf == sorted(crf)


@pytest.mark.parametrize("wrong", ["expresive", "fast,", "", "../packs/mini"])
def test_an_unknown_preset_is_refused_with_the_nearest_name(wrong):
    with pytest.raises(ConfigError, match="is not a preset"):
        preset(wrong)
