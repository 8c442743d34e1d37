"""The download command against a stand-in for the hub, on loopback."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from stream_pipeline.commands import main
from stream_pipeline.commands.download import REPOSITORY

COMMIT = "a" * 40
FILES = {
    "ditto_pytorch/models/decoder.pth": b"weights" * 1000,
    "ditto_pytorch/aux_models/landmark203.onnx": b"graph" * 500,
    "ditto_cfg/v0.4_hubert_cfg_pytorch.pkl": b"config",
    "ditto_onnx/decoder.onnx": b"other",
    "README.md": b"words",
}


class Hub(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = unquote(self.path.split("?")[0])
        self.server.asked.append(path)
        if path.startswith(f"/api/models/{REPOSITORY}/tree/"):
            listed = [self.entry(name, data) for name, data in FILES.items()]
            return self.send(json.dumps(listed).encode(), {"Content-Type": "application/json"}, body)
        prefix = f"/{REPOSITORY}/resolve/"
        name = path[len(prefix) :].split("/", 1)[-1] if path.startswith(prefix) else None
        if name not in FILES:
            self.send_response(404)
            self.end_headers()
            return None
        data = self.server.served.get(name, FILES[name])
        digest = hashlib.sha256(FILES[name]).hexdigest()
        return self.send(
            data, {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}, body
        )

    def entry(self, name, data):
        digest = hashlib.sha256(data).hexdigest()
        found = {"type": "file", "path": name, "size": len(data), "oid": "b" * 40}
        if not name.endswith((".pkl", ".md")):
            found["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 130}
        return found

    def send(self, data, headers, body):
        self.send_response(200)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.served = [], {}
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def run(hub, folder, *more):
    return main(["download", "--endpoint", hub.url, "--to", str(folder), *more])


def test_the_files_of_the_chosen_set_arrive_and_no_others(hub, tmp_path, capsys):
    assert run(hub, tmp_path / "ckpt", "--accept-licences") == 0
    for name, data in FILES.items():
        path = tmp_path / "ckpt" / name
        wanted = name.startswith("ditto_pytorch") or name.endswith("pytorch.pkl")
        assert path.is_file() == wanted, name
        if wanted:
            assert path.read_bytes() == data
    assert "3 files" in capsys.readouterr().out


def test_without_accepting_the_licences_nothing_is_asked_for(hub, tmp_path, capsys):
    assert run(hub, tmp_path / "ckpt") == 1
    assert hub.asked == []
    assert "non-commercial" in capsys.readouterr().err


def test_a_file_whose_checksum_is_wrong_is_refused(hub, tmp_path, capsys):
    name = "ditto_pytorch/models/decoder.pth"
    hub.served[name] = bytes(reversed(FILES[name]))
    assert run(hub, tmp_path / "ckpt", "--accept-licences") == 1
    assert "decoder.pth" in capsys.readouterr().err


def test_a_second_run_fetches_nothing_again(hub, tmp_path):
    assert run(hub, tmp_path / "ckpt", "--accept-licences") == 0
    hub.asked.clear()
    assert run(hub, tmp_path / "ckpt", "--accept-licences") == 0


@pytest.mark.full
def test_without_a_network_the_error_is_one_line_that_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    code = main(["download", "--endpoint", "http://127.0.0.1:9", "--to", str(tmp_path), "--accept-licences"])
    err = capsys.readouterr().err.strip()
    assert code == 1
    assert "is there a network?" in err
    assert "\n" not in err
