"""`ditto bench`: how fast this machine is, with what a wheel holds."""

import json

import pytest

from stream_pipeline.commands import main

QUICK = ["--repeats", "1", "--seconds", "0.2"]
STAGES = {"wav2feat", "audio2motion", "warp", "decode", "putback", "end_to_end"}


def test_the_built_in_pack_is_measured_stage_by_stage_and_end_to_end(tmp_path, capsys):
    path = tmp_path / "rows.json"
    assert main(["bench", *QUICK, "--json", str(path)]) == 0
    written = json.loads(path.read_text())
    assert {row["what"] for row in written["rows"]} >= STAGES
    assert (written["machine"]["pack"], written["machine"]["device"]) == ("mini", "cpu")
    assert "x real time" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--repeats", "0"], "counted from 1"),
        (["--seconds", "0"], "must be above 0"),
        (["--portrait", "nowhere.jpg"], "no such file"),
        (["--json", "nowhere/rows.json"], "cannot be written"),
    ],
)
def test_what_cannot_be_measured_is_refused(asked, words, capsys):
    assert main(["bench", *QUICK, *asked]) == 1
    assert words in capsys.readouterr().err
