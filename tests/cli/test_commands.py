"""`ditto doctor`, `ditto config show`, `ditto demo`, and a reference script on the built-in pack."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import yaml

from cfg.reading import load, merge
from ditto import Engine, StreamSDK
from ditto.kernels import level, library
from stream_pipeline.commands import main as ditto

ROOT = Path(__file__).parents[2]


@pytest.fixture
def examples(example_portrait):
    return example_portrait.parent


def frames_of(path):
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


def test_the_doctor_finds_the_built_in_pack_whole(run):
    code, lines, _ = run("doctor", main=ditto)
    assert code == 0
    assert all(line[:5] in ("[ok] ", "[--] ") for line in lines)
    assert any("pack mini: all files present" in line for line in lines)
    assert f"[ok] kernels for {level()}" in lines


def test_the_doctor_says_so_where_the_kernels_cannot_be_run(run, monkeypatch):
    monkeypatch.setenv("DITTO_CPU", "x86-64-v9")
    library.cache_clear()
    code, lines, _ = run("doctor", main=ditto)
    library.cache_clear()
    assert code == 1
    assert any("kernels: DITTO_CPU is 'x86-64-v9', but this processor can run" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data_root", "x"], "belong together"),
        (["--data_root", "x", "--cfg_pkl", "none.pkl"], "none.pkl"),
    ],
)
def test_the_doctor_says_what_an_official_folder_lacks(run, arguments, words):
    code, lines, _ = run("doctor", *arguments, main=ditto)
    assert code == 1
    assert [words in line for line in lines if line.startswith("[!!]")] == [True]


@pytest.mark.parametrize("name", ["mini", "mini_online", "ditto_torch"])
def test_the_settings_shown_are_those_in_force_and_can_be_read_again(run, folder, name):
    code, lines, errors = run("config", "show", "--config", name, main=ditto)
    assert (code, errors) == (0, [])
    shown = yaml.safe_load("\n".join(lines))
    assert load(merge(shown, {})) == load(name)


def test_the_settings_of_a_command_are_shown_and_kept_in_a_file(run, folder):
    (folder / "mine.yaml").write_text("style: {expression_scale: 0.7, still: true}\noutput: {crf: 30}\n")
    (folder / "nod.yaml").write_text("gestures:\n  - {at: 0s, do: nod}\n")
    said = ("--config", "mine.yaml", "--preset", "expressive,fast", "--crf", 25, "--script", "nod.yaml")
    code, lines, errors = run("config", "show", *said, main=ditto)
    assert (code, errors) == (0, [])
    (folder / "shown.yaml").write_text("\n".join(lines))
    settings = load("shown.yaml")
    assert (settings.style.expression_scale, settings.style.still) == (1.3, True)
    assert (settings.output.crf, settings.source.max_size) == (25, 960)
    assert settings.stitch.controls == "nod.yaml"


def test_output_that_nobody_reads_is_no_fault_of_the_program():
    gone, end = os.pipe()
    os.close(gone)
    show = [sys.executable, "-m", "ditto", "config", "show"]
    done = subprocess.run(show, stdout=end, stderr=subprocess.PIPE, cwd=ROOT, timeout=60, check=False)
    os.close(end)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_profile_names_all_stages(run, folder):
    code, lines, _ = run("-i", "portrait.jpg", "-a", "speech.wav", "-o", "out.mp4", "--profile")
    assert code == 0
    for stage in ("avatar registrar", "wav2feat", "audio2motion", "stitch", "warp", "decode", "writer"):
        assert any(line.startswith(stage) for line in lines)


def test_controls_from_a_file_move_the_head(run, folder):
    (folder / "ctrl.json").write_text(json.dumps({frame: {"delta_yaw": 15} for frame in range(5)}))
    for name, extra in (("plain", []), ("turned", ["--ctrl", "ctrl.json"])):
        code, _, errors = run("-i", "portrait.jpg", "-a", "speech.wav", "-o", f"{name}/", *extra)
        assert code == 0, errors
    plain, turned = (sorted((folder / name).iterdir()) for name in ("plain", "turned"))
    assert len(plain) == len(turned) == 5
    assert plain[2].read_bytes() != turned[2].read_bytes()


@pytest.mark.full
def test_the_demo_makes_a_video_and_a_sheet(run, examples, tmp_path):
    code, _, errors = run("demo", "--examples", examples, "--to", tmp_path, main=ditto)
    assert code == 0, errors
    samples = soundfile.info(examples / "speech.flac")
    assert frames_of(tmp_path / "demo.mp4") == -(-samples.frames * 25 // samples.samplerate)
    assert (tmp_path / "demo.png").stat().st_size > 50_000


def test_the_demo_away_from_the_repository_says_where_to_run_it(refused):
    refused(
        ["speech.flac", "no such file"], "demo", "--examples", ".", "--portrait", "portrait.jpg", main=ditto
    )


def test_a_script_for_the_reference_runs_offline_on_the_built_in_pack(folder):
    samples, _ = soundfile.read("speech.wav", dtype="float32")
    sdk = StreamSDK("mini")
    sdk.setup("portrait.jpg", "out.mp4", sampling_timesteps=10)
    sdk.setup_Nd(N_d=5, fade_in=1, fade_out=1, ctrl_info={2: {"delta_yaw": 5}})
    sdk.audio2motion_queue.put(sdk.wav2feat.wav2feat(samples))
    sdk.close()
    assert frames_of(sdk.tmp_output_path) == 5


def test_a_live_session_on_the_built_in_pack_gives_every_frame(folder):
    with Engine.load("mini") as engine, engine.session(engine.register("portrait.jpg")) as live:

        def feed():
            for _ in range(10):
                live.push(np.zeros(1000, np.float32))
            live.end()

        threading.Thread(target=feed, daemon=True).start()
        assert [picture.index for picture in live.pictures(timeout=60)] == list(range(16))
