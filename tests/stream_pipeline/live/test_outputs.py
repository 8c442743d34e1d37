import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from cfg.errors import ConfigError, MediaError, StageError
from ditto import Engine
from ditto.media.broadcast import Broadcast
from ditto.media.live_video import LiveVideo
from stream_pipeline.live.frame_readers import FrameReaders
from stream_pipeline.live.outputs import LiveOutput, VirtualCamera
from stream_pipeline.live_face import LiveFrame
from stream_pipeline.performer import Performer

RATE = 16_000


def picture(number):
    """A picture that is brighter by its number."""
    image = np.full((64, 48, 3), 20, np.uint8)
    image[:, :24] = 10 * (number % 20) + 40
    return image


def tone(number):
    at = np.arange(640) + 640 * number
    return (0.3 * np.sin(2 * np.pi * 440 * at / RATE)).astype(np.float32)


def read(source, **options):
    """Times of the pictures, seconds of sound, size."""
    times, sound, size = [], 0.0, None
    with av.open(source, **options) as container, contextlib.suppress(OSError):  # how a broadcast ends
        for frame in container.decode():
            if isinstance(frame, av.VideoFrame):
                times.append(frame.time)
                size = (frame.height, frame.width)
            else:
                sound += frame.samples / frame.sample_rate
    return times, sound, size


def test_what_is_written_is_a_video_in_time(tmp_path):
    path = tmp_path / "a.mp4"
    video = LiveVideo(str(path), (64, 49), RATE)
    for number in range(100):
        video.write(number, None if number % 10 == 3 else picture(number), tone(number))
    video.close()
    times, sound, size = read(str(path))
    assert size == (64, 48)
    shift = 1024 / RATE  # of both
    shown = [n for n in range(100) if n % 10 != 3]
    assert times[1:] == pytest.approx([shift + n / 25 for n in shown[1:]], abs=0.002)
    assert sound == pytest.approx(4.0, abs=0.1)


WRITES = """
import sys, time
sys.path.insert(0, {root!r})
from tests.stream_pipeline.live.test_outputs import *
video = LiveVideo({path!r}, (64, 48), RATE)
for number in range(10_000):
    video.write(number, picture(number), tone(number))
    if number == 250:
        print("there", flush=True)
        time.sleep(60)
"""


def test_a_recording_survives_a_kill(tmp_path):
    path = tmp_path / "killed.mp4"
    code = WRITES.format(root=str(Path.cwd()), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"there\n"
        os.kill(child.pid, signal.SIGKILL)
    times, sound, _ = read(str(path))
    assert len(times) >= 150 and sound >= 6


def test_a_face_is_recorded_while_it_is_watched(tmp_path):
    path = tmp_path / "face.mp4"
    with Engine.load("mini_online") as engine:
        avatar = engine.register("examples/drawn_woman.jpg", max_size=128)
        with Performer(engine, avatar) as face, LiveOutput.to(face, str(path)) as output:
            face.push(np.tile(tone(0), 25))
            for count, _ in enumerate(face.frames(timeout=10)):
                if count == 50:
                    break
    assert output.error is None
    times, sound, size = read(str(path))
    assert size == face.size and len(times) >= 40 and sound >= 1.8
    assert not [thread for thread in threading.enumerate() if thread.name == "ditto-output"]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


RECEIVES = """
import sys, os
sys.path.insert(0, os.getcwd())
from tests.stream_pipeline.live.test_outputs import read
times, sound, size = read({address!r}, options={{"listen": "1"}}, timeout=20)
print(len(times), size, sound, sep=";")
"""


def test_a_face_is_broadcast_by_rtmp():
    address = f"rtmp://127.0.0.1:{free_port()}/live/face"
    receiver = subprocess.Popen(
        [sys.executable, "-c", RECEIVES.format(address=address)], stdout=subprocess.PIPE
    )
    wait_for(address)
    video = LiveVideo(address, (64, 48), RATE)
    for number in range(75):
        video.write(number, picture(number), tone(number))
    video.close()
    pictures, size, sound = receiver.communicate(timeout=20)[0].decode().split(";")
    assert size == "(64, 48)" and int(pictures) >= 60 and float(sound) > 2


def wait_for(address):
    """Until somebody listens at an address."""
    port, ends = int(address.split(":")[2].split("/")[0]), time.monotonic() + 20
    while f":{port:04X} 00000000:0000 0A" not in Path("/proc/net/tcp").read_text():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_no_list_of_processes_shows_the_address_of_a_broadcast():
    sending = Broadcast(f"rtmp://127.0.0.1:{free_port()}/live/secret")
    lines = [" ".join(child.cmdline()) for child in psutil.Process().children()]
    sending.kill()
    assert any("ditto.media.broadcast" in line for line in lines)
    assert not any("secret" in line for line in lines)


def test_a_server_that_is_not_there_is_named():
    address = f"rtmp://127.0.0.1:{free_port()}/live/face"
    video = LiveVideo(address, (64, 48), RATE)
    with pytest.raises(MediaError, match=rf"{address}: the broadcast ended: .*refused"):
        for number in range(1000):
            video.write(number, picture(number), tone(number))
            time.sleep(0.01)


@pytest.mark.parametrize("target", ["a.avi", "http://localhost/x", "face"])
def test_another_kind_is_refused(target):
    with pytest.raises(ConfigError, match=r"\.mp4 file, or an address"):
        LiveVideo(target, (64, 48), RATE)


def test_a_sink_that_fails_ends_its_output_and_nothing_else(tmp_path):
    class Full:
        def write(self, index, image, sound):
            raise MediaError("the disk is full")

        def close(self):
            """Nothing was written."""

    with Engine.load("mini_online") as engine:
        avatar = engine.register("examples/drawn_woman.jpg", max_size=128)
        with Performer(engine, avatar) as face, LiveOutput(face, Full()) as output:
            for count, _ in enumerate(face.frames(timeout=10)):
                if count == 10:
                    break
    assert str(output.error) == "the disk is full"


class Played:
    """A face whose frames are given."""

    def __init__(self, count):
        self._readers, self._count = FrameReaders(lambda: None), count

    def reader(self, ready=None):
        reader = self._readers.add(ready)
        for number in range(self._count):
            self._readers.put(LiveFrame(number, 0, picture(number), tone(number), None))
        self._readers.end()
        return reader


class Breaks:
    """A sink with a bug."""

    def __init__(self, on):
        self._on = on

    def write(self, index, image, sound):
        if self._on == "write" and index == 2:
            raise ValueError("a bug")

    def close(self):
        if self._on == "close":
            raise OSError("another bug")


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        ("write", "stage 'output' failed at frame 2: a bug"),
        ("close", "stage 'output' failed at its end: another bug"),
    ],
)
def test_whatever_a_sink_raises_is_reported(breaks, said):
    told = queue.Queue()
    with LiveOutput(Played(4), Breaks(breaks), told.put) as output:
        error = told.get(timeout=5)
    assert isinstance(error, StageError) and str(error) == said and error is output.error
    assert error.__cause__ is not None


class Device:
    """Stands in for a loopback camera, which needs a kernel module."""

    def __init__(self, width, height, fps, device):
        self.size, self.shown, self.closed = (width, height, fps, device), [], False

    def send(self, image):
        self.shown.append(image)

    def close(self):
        self.closed = True


def test_a_virtual_camera_shows_every_new_picture(monkeypatch):
    module = type(sys)("pyvirtualcam")
    module.Camera = Device
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    camera = VirtualCamera((64, 48), "/dev/video9")
    for number, image in enumerate((picture(0), None, picture(2))):
        camera.write(number, image, tone(number))
    camera.close()
    assert camera._camera.size == (48, 64, 25, "/dev/video9")
    assert [image[0, 0, 0] for image in camera._camera.shown] == [40, 60] and camera._camera.closed


def test_without_the_package_a_virtual_camera_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(ConfigError, match="virtual camera needs pyvirtualcam"):
        VirtualCamera((64, 48))
