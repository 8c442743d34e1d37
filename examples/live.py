"""A live session to watch: sound goes in at its own pace, pictures come out while it is still spoken.

    .venv/bin/python examples/live.py
    .venv/bin/python examples/live.py --serve 8000    # and open http://127.0.0.1:8000/

The pictures are written with their sound to output/live.mp4, and the delays are printed.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more would wait busily while the stages work

import cv2
import numpy as np

from cfg.settings import OutputSettings
from ditto import Engine
from ditto.media.encode import open_sink
from ditto.media.inputs import Inputs
from ditto.media.sound import read_sound, sound_of
from ditto.rates import FRAME_RATE
from stream_pipeline.session import Session

EXAMPLES = Path(__file__).parent
RATE = 16_000  # samples a second
PIECE = RATE // 50  # samples of 20 ms, as a microphone gives them
BOUNDARY = "picture"


def speak(live: Session, samples: np.ndarray) -> None:
    """Pushes 20 ms every 20 ms, whatever becomes of it."""
    began = time.perf_counter()
    for at in range(0, len(samples), PIECE):
        spoken = began + (at + PIECE) / RATE  # a microphone has a piece when its last sample was said
        time.sleep(max(0.0, spoken - time.perf_counter()))
        live.push(samples[at : at + PIECE])
    live.end()


class Show:
    """The latest picture as a JPEG, for any number of viewers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jpeg = b""
        self._number = 0
        self._over = False
        self.watched = threading.Event()  # once somebody has come

    def put(self, image: np.ndarray) -> None:
        _, jpeg = cv2.imencode(".jpg", image[..., ::-1])
        with self._changed:
            self._jpeg, self._number = jpeg.tobytes(), self._number + 1
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def pictures(self) -> Iterator[bytes]:
        """From now on, each one that a viewer is quick enough for."""
        seen = 0
        self.watched.set()
        while True:
            with self._changed:
                while not self._over and self._number == seen:
                    self._changed.wait()
                if self._number == seen:
                    return
                seen, jpeg = self._number, self._jpeg
            yield jpeg


def serve(show: Show, port: int) -> ThreadingHTTPServer:
    """A page of moving JPEG on this machine alone; port 0 takes a free one."""

    class Viewer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            try:
                for jpeg in show.pictures():
                    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
            except ConnectionError:
                self.close_connection = True  # the viewer has gone

        def log_message(self, *_: object) -> None:
            """Requests are not worth a line."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Viewer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def play(engine: Engine, portrait: Path, samples: np.ndarray, target: Path, show: Show) -> str:
    """The whole speech, live; gives the delays in words."""
    avatar = engine.register(portrait)
    delays: list[float] = []  # ms from when a frame's sound was complete to its picture
    sink = open_sink(target, avatar.first.image.shape[:2], sound_of(samples, RATE), OutputSettings())
    try:
        with engine.session(avatar, rate=RATE) as live:
            began = time.perf_counter()
            threading.Thread(target=speak, args=(live, samples), daemon=True).start()
            for picture in live.pictures():
                heard = began + float(picture.time) + 1 / FRAME_RATE
                delays.append(1000 * (time.perf_counter() - heard))
                show.put(picture.image)
                sink.write(picture.image, picture.index)
        sink.close()
    except BaseException:
        sink.abort()
        raise
    finally:
        show.end()
    half, most = np.percentile(delays, [50, 95])
    return (
        f"{len(delays)} frames; the first {delays[0]:.0f} ms behind its sound, "
        f"half within {half:.0f} ms, 95 of 100 within {most:.0f} ms"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--portrait", type=Path, default=EXAMPLES / "drawn_woman.jpg")
    parser.add_argument("--sound", type=Path, default=EXAMPLES / "speech.flac")
    parser.add_argument("--output", type=Path, default=Path("output/live.mp4"))
    parser.add_argument("--serve", type=int, metavar="PORT", help="show the stream in a browser as well")
    parser.add_argument(
        "--max-size", type=int, default=512, help="longest side of the pictures (default 512)"
    )
    given = parser.parse_args(arguments)
    Inputs([given.portrait, given.sound]).check(given.output)
    show = Show()
    samples = read_sound(given.sound).samples
    with Engine.load("mini", source={"max_size": given.max_size}) as engine:
        if given.serve is not None:
            server = serve(show, given.serve)
            print(f"open http://127.0.0.1:{server.server_port}/ to begin", flush=True)
            show.watched.wait()
        print(play(engine, given.portrait, samples, given.output, show))
    print(f"video: {given.output}")


if __name__ == "__main__":
    main()
