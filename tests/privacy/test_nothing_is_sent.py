"""Whatever is run, nothing leaves the machine, and the home of whoever runs it holds our cache alone."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cfg.privacy import SWITCHES
from stream_pipeline.commands import parser_of_all

ROOT = Path(__file__).parents[2]
PORTRAIT, VIDEO = "examples/drawn_woman.jpg", "examples/astronaut_video.mp4"
CACHE = Path("home", ".cache", "ditto-engine", "avatars")
PACKAGES = ("cfg", "ditto", "ditto_server", "model_formats", "stream_pipeline")
LIVE = """
import sys, threading
import numpy as np
from ditto import Engine
with Engine.load("mini", source={"max_size": 256}) as engine:
    with engine.session(engine.register(sys.argv[1])) as live:
        def speak():
            live.push(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32))
            live.end()
        threading.Thread(target=speak).start()
        print(sum(1 for _ in live.pictures()), "pictures")
"""
LIVE_SERVER = """
import asyncio, json, socket, subprocess, sys, time, urllib.request
import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from websockets.sync.client import connect

portrait, seconds = sys.argv[1], float(sys.argv[2])
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server = subprocess.Popen([sys.executable, "-m", "ditto", "live", portrait, "--port", str(port)], stdout=-1)
server.stdout.readline()

def ask(path, body):
    address = f"http://127.0.0.1:{port}{path}"
    return json.load(urllib.request.urlopen(urllib.request.Request(address, json.dumps(body).encode())))

async def watch(links):
    peer, pictures = RTCPeerConnection(), []
    peer.addTransceiver("video", "recvonly")
    tracks = []
    peer.on("track", tracks.append)
    await peer.setLocalDescription(await peer.createOffer())
    answer = await asyncio.to_thread(ask, links["offer"], {"type": "offer", "sdp": peer.localDescription.sdp})
    await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pictures.append(await tracks[0].recv())
    await peer.close()
    return len(pictures)

session = ask("/v1/sessions", {})
with connect(f"ws://127.0.0.1:{port}{session['links']['ws']}") as wire:
    wire.send((3000 * np.sin(np.arange(4 * session["rate"]) / 9)).astype("<i2").tobytes())
    print(asyncio.run(watch(session["links"])), "pictures")
server.terminate()
server.wait()
"""
CONTACTS = """
import socket, sys
try:
    sys.argv[1] == "name" and socket.getaddrinfo("example.com", 80)
    sys.argv[1] == "packet" and socket.socket(type=socket.SOCK_DGRAM).sendto(b"hello", ("192.0.2.1", 9))
    sys.argv[1] == "connection" and socket.create_connection(("192.0.2.1", 80), 0.1)
except OSError:
    pass
"""
PLAYLISTS = {  # files that send whoever plays them elsewhere
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://192.0.2.1/a.ts\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 192.0.2.1\ns=x\nc=IN IP4 192.0.2.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "ffconcat": "ffconcat version 1.0\nfile 'http://192.0.2.1/a.mp4'\n",
}


def kept_to_itself(seen, tmp_path):
    """Nothing sent, and no file but those of our own cache."""
    foreign = [path.relative_to(tmp_path) for path in seen.files if path.parent != tmp_path / CACHE]
    return (seen.sent, foreign) == ([], [])


@pytest.mark.parametrize("alone", ["a network of its own", "guarded calls"], indirect=True)
@pytest.mark.parametrize("contact", ["name", "packet", "connection"])
def test_whoever_is_contacted_is_seen(alone, contact):
    assert alone("-c", CONTACTS, contact).sent


def test_a_render_tells_nobody(alone, voice, tmp_path):
    seen = alone(
        "inference.py", "-i", PORTRAIT, "-a", voice, "-o", tmp_path / "out.mp4", "--max-size", 256, "--quiet"
    )
    assert seen.code == 0, seen.said
    assert kept_to_itself(seen, tmp_path), seen


def test_a_live_session_tells_nobody(alone, tmp_path):
    seen = alone("-c", LIVE, PORTRAIT)
    assert seen.said.strip() == "25 pictures"
    assert kept_to_itself(seen, tmp_path), seen


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.full)])
def test_a_live_face_and_its_viewer_tell_nobody_else(alone, tmp_path, seconds):
    pytest.importorskip("aiortc", reason="aiortc needs Python 3.11 or newer")
    seen = alone("-c", LIVE_SERVER, PORTRAIT, seconds)
    pictures = re.search(r"(\d+) pictures", seen.said)
    assert pictures and int(pictures[1]) > 10 * seconds, seen.said
    strangers = [one for one in seen.sent if not re.search(r" to (127\.0\.0\.1|10\.9\.9\.9):\d+$", one)]
    assert (strangers, kept_to_itself(dataclasses.replace(seen, sent=[]), tmp_path)) == ([], True), seen


def test_doctor_asks_nobody(alone, tmp_path):
    seen = alone("-m", "ditto", "doctor")
    assert seen.code == 0, seen.said
    assert kept_to_itself(seen, tmp_path), seen


@pytest.mark.parametrize("package", PACKAGES)
def test_whatever_is_imported_first_switches_the_reports_off(package):
    said = "import os, sys; print(*(os.environ.get(name) for name in sys.argv[1:]))"
    command = [sys.executable, "-c", f"import {package}; {said}", *SWITCHES]
    bare = {name: value for name, value in os.environ.items() if name not in SWITCHES}

    def found(**given):
        return subprocess.run(command, env=bare | given, capture_output=True, text=True).stdout.split()

    assert found() == list(SWITCHES.values())
    chosen = dict.fromkeys(SWITCHES, "0")
    assert found(**chosen) == list(chosen.values())


def test_programs_beside_the_packages_import_one_of_them_before_a_library_that_reports():
    for program in [
        ROOT / "inference.py",
        *(ROOT / "scripts").glob("*.py"),
        *(ROOT / "examples").glob("*.py"),
    ]:
        imports = re.findall(r"^\s*(?:from|import) (\w+)", program.read_text(encoding="utf-8"), re.M)
        reporting = [n for n, name in enumerate(imports) if name in ("onnxruntime", "transformers", "hibari")]
        own = [
            n
            for n, name in enumerate(imports)
            if name in ("cfg", "ditto", "model_formats", "stream_pipeline")
        ]
        assert not reporting or (own and min(own) < min(reporting)), program


def test_every_dependency_has_been_looked_at():
    looked_at = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8").lower()
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = declared.partition("dependencies = [")[2].partition("[project.scripts]")[0]
    needed = set(re.findall(r'"([\w-]+)(?=["><=])', listed.lower()))
    assert len(needed) > 20
    assert sorted(name for name in needed if f"`{name}`" not in looked_at) == []


@pytest.fixture
def sweep(tmp_path, voice):
    """Every command by name, as somebody uses it."""
    (tmp_path / "frames").mkdir()
    (tmp_path / "jobs.csv").write_text(f"source,audio,output\n{ROOT / PORTRAIT},{voice},one.mp4\n")
    (tmp_path / "onnx").mkdir()
    small = ("-i", PORTRAIT, "-a", voice, "--max-size", 256, "--quiet")
    out = tmp_path / "out"
    return {
        "render": [
            ("render", *small, "-o", tmp_path / "plain.webm", "--online", "--script", "examples/script.yaml"),
            ("render", *small, "-o", tmp_path / "frames", "--background", PORTRAIT),
            ("render", *small, "-o", tmp_path / "kept.mp4", "--resume", "--enhancer", "sharpen"),
            ("render", "-i", VIDEO, *small[2:], "-o", tmp_path / "moving.gif", "--ref-pose", VIDEO),
        ],
        "batch": [("batch", "--jobs", tmp_path / "jobs.csv", "-o", out, "--workers", 2, "--max-size", 256)],
        "demo": [("demo", "--to", out)],
        "doctor": [("doctor", "--data_root", tmp_path, "--cfg_pkl", tmp_path / "none.pkl")],
        "script": [
            ("script", "check", "examples/script.yaml"),
            ("script", "preview", "examples/script.yaml", "-o", tmp_path / "script.png"),
            ("script", "gestures"),
        ],
        "config": [("config", "show", "--preset", "natural")],
        "download": [("download", "--to", out)],  # without the word that it may
        "convert": [("convert", "--onnx_dir", tmp_path / "onnx", "--trt_dir", out)],
        "bench": [
            ("bench", "--pack", "mini", "--repeats", 1),
            ("bench", "--seconds", 1, "--repeats", 1, "--json", tmp_path / "rows.json"),
        ],
        "export": [
            ("export", "--data_root", tmp_path / "torch", "--hubert", tmp_path / "hubert", "--to", out)
        ],
    }


REFUSED = ("doctor", "download", "convert")  # those whose example lacks something, or a licence


@pytest.fixture
def models(tmp_path):
    """A small network of each of PyTorch, ONNX and transformers, for the commands that read them."""
    transformers, onnx = pytest.importorskip("transformers"), pytest.importorskip("onnx")
    import torch
    from onnx import TensorProto, helper

    from ditto.packs.official.networks.checkpoint import NETWORKS

    small = transformers.HubertConfig(
        hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    transformers.HubertModel(small).save_pretrained(tmp_path / "hubert")
    (tmp_path / "torch" / "models").mkdir(parents=True)
    official = NETWORKS["stitch_network"]
    with torch.random.fork_rng():
        weights = official.build({}).state_dict()
    named = {official.prefix + name: value for name, value in weights.items()}
    torch.save({official.key: named} if official.key else named, tmp_path / "torch/models/stitch_network.pth")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 3)) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9),
        tmp_path / "onnx" / "decoder.onnx",
    )


@pytest.mark.full
def test_no_command_tells_anybody(alone, sweep, models, tmp_path):
    choices = next(action.choices for action in parser_of_all()._actions if action.choices)
    assert sweep.keys() == choices.keys()
    for name, uses in sweep.items():
        for use in uses:
            seen = alone("-m", "ditto", *use)
            assert seen.code == 0 or name in REFUSED, (use, seen)
            assert kept_to_itself(seen, tmp_path), (use, seen)


@pytest.mark.full
def test_the_example_of_a_live_session_tells_nobody(alone, voice, tmp_path):
    seen = alone("examples/live.py", "--sound", voice, "--output", tmp_path / "live.mp4", "--max-size", 256)
    assert seen.code == 0, seen.said
    assert kept_to_itself(seen, tmp_path), seen


@pytest.mark.full
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_file_that_points_elsewhere_is_not_followed(alone, voice, tmp_path, kind):
    playlist = tmp_path / f"clip.{kind}"
    playlist.write_text(PLAYLISTS[kind])
    for use in (("-i", playlist, "-a", voice), ("-i", PORTRAIT, "-a", playlist)):
        seen = alone("inference.py", *use, "-o", tmp_path / "out.mp4")
        assert (seen.code, kept_to_itself(seen, tmp_path)) == (1, True), seen
