import json

import pytest

from cfg.errors import ConfigError
from cfg.yaml_lines import (
    MAX_FILE_BYTES,
    MAX_FILE_VALUES,
    MAX_GROUP_DEPTH,
    located,
    parse_located,
    read_located,
)


def test_each_value_knows_the_line_of_its_key():
    root = parse_located("a: 1\nb:\n  - x: 2\n  - y: [3,\n      4]\n", "f.yaml")
    listed = root.value["b"].value
    assert root.plain() == {"a": 1, "b": [{"x": 2}, {"y": [3, 4]}]}
    assert [root.value["a"].line, root.value["b"].line, listed[0].line, listed[1].value["y"].line] == [
        1,
        2,
        3,
        4,
    ]
    assert root.value["b"].where == "f.yaml, line 2"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-2.5", -2.5), ("1e3", 1000.0), ("true", True), ("null", None), ("''", ""), ('"7"', "7"),
     ("1:30", "1:30"), ("00:01.200", "00:01.200"), ("yes", "yes"), ("1.5s", "1.5s"),
     ("2026-11-21", "2026-11-21")],
)  # fmt: skip
def test_times_and_words_stay_what_was_written(text, value):
    assert parse_located(f"a: {text}", "f").plain() == {"a": value}


def test_json_is_read_with_its_lines_tabs_and_all(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{\n\t"a": [1,\n\t\t{"b":"c\\td"}]\n}')
    root = read_located(path)
    assert root.plain() == {"a": [1, {"b": "c\td"}]}
    assert root.value["a"].value[1].value["b"].line == 3


def test_an_empty_file_is_an_empty_group(tmp_path):
    (tmp_path / "a.yaml").write_text("# nothing\n")
    assert read_located(tmp_path / "a.yaml").plain() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: *c", "f, line 2: aliases"),
        ("a: &x [1]\nb: [*x, *x]", "f, line 2: aliases"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", "f, line 2: tags"),
        ("a: 1\na: 2", "f, line 2: 'a' is given twice"),
        ("a: 1\n---\nb: 2", "f, line 2: a second document"),
        ("a: [1\nb: 2", "f, line 2: not valid YAML"),
        ("? [1, 2]\n: 3", "a group or list cannot be a key"),
        ("\n".join("  " * n + f"k{n}:" for n in range(MAX_GROUP_DEPTH + 1)), "nested more than"),
        ("a: \0", "not valid YAML"),
    ],
)
def test_what_is_not_plain_values_is_refused_with_its_line(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_located(text, "f")


@pytest.mark.parametrize("row", ["[", "[ ", "{a: ", "- ", "[\n"])
@pytest.mark.parametrize("times", [MAX_GROUP_DEPTH + 1, 900, 100_000])
def test_groups_nested_too_deep_are_refused_in_our_words_whatever_the_parser_admits(row, times):
    with pytest.raises(ConfigError, match=f"^f, line [0-9]+: .*nested more than {MAX_GROUP_DEPTH} deep"):
        parse_located(f"a: 1\nb:\n- {row * times}", "f")


def test_brackets_within_quotes_nest_nothing():
    text = """a: ["[[[[[[[[[", '{{{{{{{{{', "\\"[[[[[[[[["]\n"""
    assert len(parse_located(text, "f").plain()["a"]) == 3
    with pytest.raises(ConfigError, match="f, line 2: not valid YAML"):
        parse_located(text.removesuffix("]\n") + "\n", "f")


def test_a_laugh_of_a_billion_is_not_expanded():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    with pytest.raises(ConfigError, match="line 2: aliases"):
        parse_located("\n".join(lines), "f")


def test_the_number_of_values_is_bounded():
    with pytest.raises(ConfigError, match=f"more than {MAX_FILE_VALUES}"):
        parse_located("[" + "1," * (MAX_FILE_VALUES + 1) + "]", "f")


def test_the_size_of_a_file_is_bounded(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigError, match="are too many"):
        read_located(tmp_path / "a.yaml")


@pytest.mark.parametrize("content", ['{"a": 1,}', "{", "[" * 5000, "NaN garbage"])
def test_json_has_to_be_json(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ConfigError, match=r"a\.json.*not valid JSON"):
        read_located(tmp_path / "a.json")


def test_values_from_elsewhere_take_the_same_form():
    given = {"a": [1, {"b": None}], "c": (2.5, "x")}
    assert located(given, "here").plain() == json.loads(json.dumps(given))
    assert located(given, "here").where == "here"
