import contextlib
import time
from fractions import Fraction

import pytest

from cfg.errors import ConfigError
from cfg.reading import as_mapping, build, built_in, load, merge, parse, parse_value, read_yaml
from cfg.settings import Settings
from cfg.yaml_lines import MAX_GROUP_DEPTH

PACKS = ["mini", "mini_online"] + [
    f"ditto_{kind}{mode}" for kind in ("torch", "onnx", "trt") for mode in ("", "_online")
]


@pytest.mark.parametrize("name", PACKS)
def test_every_built_in_configuration_is_valid(name):
    settings = load(name)
    assert settings.online == name.endswith("_online")
    assert settings.pack.name == name.split("_")[0]


def test_an_unknown_key_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"motion\.overlp is not a setting; did you mean 'overlap'\?"):
        load("mini", motion={"overlp": 3})


def test_the_originals_name_of_a_setting_is_told_as_ours():
    with pytest.raises(ConfigError, match=r"stitch\.delta_eye_arr is not a setting; .* is stitch\.eye_open"):
        load("mini", stitch={"delta_eye_arr": []})


def test_an_unknown_configuration_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'mini'"):
        load("minni")


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("motion", "steps", 0),
        ("motion", "steps", "many"),
        ("motion", "steps", True),
        ("motion", "overlap", 80),
        ("motion", "seed", -1),
        ("source", "max_size", 1e9),
        ("source", "crop_scale", float("nan")),
        ("source", "face", [1, 2]),
        ("audio", "chunk", [3, 0, 2]),
        ("audio", "chunk", [3, 5]),
        ("audio", "start", -1.0),
        ("output", "crf", 52),
        ("output", "preset", "warp"),
        ("output", "fps", 29),
        ("output", "fps", 29.9),
        ("output", "fps", "1e99999999"),
        ("output", "fps", "30/0"),
        ("output", "fps", float("inf")),
        ("output", "fps", True),
        ("stream", "mode", "sideways"),
        ("stream", "capacity", 0),
        ("pack", "files", ["a"]),
        ("pack", "files", {"decoder": 3}),
        ("stitch", "fade_type", "x"),
        ("stitch", "blink_interval", -2),
        ("stitch", "blink_interval", []),
    ],
)
def test_a_value_of_the_wrong_type_or_out_of_range_is_refused_by_name(group, key, value):
    with pytest.raises(ConfigError, match=rf"{group}\.{key}"):
        load("mini", **{group: {key: value}})


def test_a_file_is_laid_over_the_defaults_and_keywords_over_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("motion: {steps: 7, seed: 5}\nsource: {face: [1, 2, 3, 4]}\n")
    settings = load(path, motion={"seed": 9})
    assert (settings.motion.steps, settings.motion.seed) == (7, 9)
    assert settings.source.face == (1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    "text", ["- a\n- b\n", "motion: 3\n", "a: [", "!!python/object/apply:os.system ['true']\n"]
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load(path)


@pytest.mark.parametrize("times", [MAX_GROUP_DEPTH, 100_000])
def test_groups_nested_too_deep_are_refused_in_our_words(times):
    with pytest.raises(ConfigError, match=f"f, line 1: a: nested more than {MAX_GROUP_DEPTH} deep"):
        parse("a: " + "[" * times + "]" * times, "f")


SLOW = {
    "sexagesimal": "a: " + "1:" * 300_000 + "1",
    "sexagesimal with a fraction": "a: " + "1:" * 300_000 + "1.5",
    "digits": "a: " + "1" * 900_000,
    "hexadecimal": "a: 0x" + "f" * 900_000,
    "a list": "a: [" + "1," * 400_000 + "]",
    "a group": "a: {" + "".join(f"k{n}: 1, " for n in range(80_000)) + "}",
    "keys": "".join(f"k{n}: 1\n" for n in range(90_000)),
    "quoted": "a: [" + '"x",' * 200_000 + "]",
    "brackets": "[]" * 400_000,
    "questions": "? " * 400_000,
}


@pytest.mark.parametrize("case", SLOW)
def test_no_megabyte_of_yaml_takes_long(case):
    began = time.perf_counter()
    with contextlib.suppress(ConfigError):
        parse(SLOW[case], "f")
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("text", "value"),
    [("1:30", "1:30"), ("2026-01-01", "2026-01-01"), ("1e3", 1000.0), ("007", 7), ("'5'", "5"), ("~", None)],
)
def test_a_value_is_a_number_a_truth_nothing_or_its_text(text, value):
    assert parse(f"a: {text}", "f") == {"a": value}
    assert parse_value(text) == value


def test_an_empty_value_is_nothing():
    assert parse_value(" ") is None


@pytest.mark.parametrize(("word", "truth"), [("yes", True), ("On", True), ("no", False), ("OFF", False)])
def test_a_truth_may_be_said_in_other_words(word, truth):
    assert build(Settings, parse(f"condition: {{use_emo: {word}}}", "f")).condition.use_emo is truth


def test_a_key_given_twice_is_refused_with_its_line():
    with pytest.raises(ConfigError, match=r"f, line 2: 'seed' is given twice"):
        parse("motion: {seed: 1,\n  seed: 2}", "f")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        read_yaml(tmp_path / "nowhere.yaml")


def test_settings_survive_the_way_to_a_mapping_and_back():
    settings = load("ditto_onnx", source={"face": 2}, motion={"hold_dims": [1, 202]})
    assert build(Settings, as_mapping(settings)) == settings


def test_merging_keeps_what_is_not_named_and_leaves_its_arguments_alone():
    base = {"a": {"x": 1, "y": 2}, "b": 3}
    assert merge(base, {"a": {"y": 5}}) == {"a": {"x": 1, "y": 5}, "b": 3}
    assert base == {"a": {"x": 1, "y": 2}, "b": 3}


def test_every_official_format_names_a_file_for_every_role():
    roles = {"appearance_extractor", "motion_extractor", "warp_network", "decoder", "stitch_network", "lmdm"}
    for kind in ("torch", "onnx", "trt"):
        assert roles <= set(built_in(f"ditto_{kind}")["pack"]["files"])


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (30, 30),
        ("30", 30),
        (29.97, Fraction(30_000, 1001)),
        ("29.97", Fraction(30_000, 1001)),
        ("30000/1001", Fraction(30_000, 1001)),
        (Fraction(30_000, 1001), Fraction(30_000, 1001)),
        (23.98, Fraction(24_000, 1001)),
        ("23.976", Fraction(24_000, 1001)),
        (59.94, Fraction(60_000, 1001)),
    ],
)
def test_a_frame_rate_is_the_exact_one_that_is_meant(said, meant):
    settings = load("mini", output={"fps": said})
    assert settings.output.fps == meant
    assert load("mini", output={"fps": as_mapping(settings)["output"]["fps"]}) == settings


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (
            {"emotion": "happy"},
            r"^emotion is not a setting of this group; did you mean condition={'emotion': …}\?$",
        ),
        ({"seed": 3}, r"^seed .* motion={'seed': …}\?$"),
        ({"motion": {"emotion": 3}}, r"^motion\.emotion .* condition={'emotion': …}\?$"),
        ({"format": "webm"}, r"pack={'format': …} or output={'format': …}\?$"),
        ({"motion": {"overlp": 3}}, r"^motion\.overlp is not a setting; did you mean 'overlap'\?$"),
        ({"moton": {}}, r"^moton is not a setting; did you mean 'motion'\?$"),
    ],
)
def test_a_setting_at_the_wrong_place_is_told_where_it_belongs(said, hint):
    with pytest.raises(ConfigError, match=hint):
        build(Settings, said)
