"""The example assistant: typed text in, a face that answers out, offline or by a server of one's own."""

import asyncio
import importlib.util
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pipecat.frames.frames import (
    EndFrame,
    LLMMessagesAppendFrame,
)
from pipecat.workers.runner import WorkerRunner
from pipelines import Kept, Screen

EXAMPLES = Path(__file__).parents[3] / "examples"
EXAMPLE = EXAMPLES / "assistant" / "assistant.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("assistant", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module.engine().close()


@pytest.fixture
def endpoint():
    """A server that answers every chat with the same two words in pieces, and keeps what it was asked."""
    asked = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for piece in ("Good ", "evening."):
                chunk = {
                    "id": "1",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [{"index": 0, "delta": {"role": "assistant", "content": piece}}],
                }
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_): ...

    server = HTTPServer(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    thread.join()
    server.server_close()


async def answered(example, *arguments):
    """The screen after one typed message."""
    hears, shows = Kept(), Screen((512, 512))
    worker = example.assistant(
        hears, shows, example.options.parse_args([str(EXAMPLES / "drawn_woman.jpg"), *arguments])
    )
    started = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def _(worker, frame):
        started.set()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    run = asyncio.create_task(runner.run())
    await asyncio.wait_for(started.wait(), 30)
    await worker.queue_frame(
        LLMMessagesAppendFrame(messages=[{"role": "user", "content": "Hello there."}], run_llm=True)
    )
    while shows.loud_seconds < 0.5:
        await asyncio.sleep(0.02)
    await worker.queue_frame(EndFrame())
    await run
    return shows


def test_an_echo_answers_offline(example):
    shows = asyncio.run(answered(example))
    assert 0.7 < sum(seconds for _, _, seconds in shows.played) < 6
    assert len(shows.drawn) > 25


def test_a_server_of_ones_own_answers(example, endpoint, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    address, asked = endpoint
    shows = asyncio.run(answered(example, "--endpoint", address, "--model", "mine"))
    assert asked[0]["model"] == "mine"
    assert asked[0]["messages"][-1] == {"role": "user", "content": "Hello there."}
    assert shows.loud_seconds > 0.4


def test_the_example_is_under_a_hundred_lines():
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < 100
