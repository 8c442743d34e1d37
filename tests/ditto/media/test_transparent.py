"""Videos and pictures with an alpha plane, and kinds of file asked for by name."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from cfg.errors import ConfigError, MediaError
from cfg.frame_rates import RATES
from cfg.settings import KINDS, OutputSettings
from ditto.media.encode import open_sink
from ditto.media.video_formats import named

COLOUR = (200, 100, 50)
CLEAR = OutputSettings(background="transparent")


def picture(index):
    """A disc that moves to the right, nothing around it."""
    image = np.zeros((64, 96, 4), np.uint8)
    image[..., :3] = COLOUR
    image[..., 3] = np.clip(128 + 100 * (14 - away(index)), 0, 255)
    return image


def away(index):
    """(64, 96) pixels from the disc's middle."""
    rows, columns = np.mgrid[:64, :96]
    return np.hypot(rows - 32, columns - 25 - 4 * index)


def written(path, count=5):
    sink = open_sink(path, (64, 96), None, CLEAR)
    for index in range(count):
        sink.write(picture(index), index)
    sink.close()
    return path


def by_vpx(path):
    """The container's own decoder drops the alpha of VP9; that of libvpx does not."""
    with av.open(str(path)) as container:
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        packets = list(container.demux(container.streams.video[0]))
        return [f.to_ndarray(format="rgba") for packet in packets for f in decoder.decode(packet)]


def by_ffmpeg(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)]


def by_pillow(path):
    with Pillow.open(path) as animation:
        frames = []
        for index in range(animation.n_frames):
            animation.seek(index)
            frames.append(np.array(animation.convert("RGBA")))
        return frames


def by_file(path):
    return [np.array(Pillow.open(file)) for file in sorted(path.iterdir())]


@pytest.mark.parametrize(
    ("name", "read"),
    [("a.webm", by_vpx), ("a.mov", by_ffmpeg), ("a.webp", by_pillow), ("a.gif", by_pillow), ("a", by_file)],
)
def test_what_is_transparent_stays_so_and_leaves_nothing_behind(tmp_path, name, read):
    frames = read(written(tmp_path / name))
    assert len(frames) == 5
    for index, frame in enumerate(frames):
        kept = away(index) < 10
        assert frame[kept][:, 3].min() > 240
        assert np.abs(frame[kept][:, :3].astype(int) - COLOUR).max() < 12
        assert frame[away(index) > 19][:, 3].max() < 12


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_kind_of_file_without_alpha_is_refused_and_others_named(tmp_path, name):
    with pytest.raises(
        MediaError, match=r"cannot be transparent \(--background transparent\); give \.webm, \.mov"
    ):
        written(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("a.mp4", "", "a.mp4"),
        ("a.mp4", "webm", "a.webm"),
        ("a", "mov", "a.mov"),
        ("a.v2", "mp4", "a.v2.mp4"),
        ("a.gif", "png-sequence", "a"),
        ("a", "png-sequence", "a"),
    ],
)
def test_a_kind_asked_for_counts_over_the_name(path, kind, expected):
    assert named(Path(path), kind) == Path(expected)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match=r"output\.format"):
        OutputSettings(format="avi")
    assert all(OutputSettings(format=kind) for kind in KINDS)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
@pytest.mark.parametrize("fps", RATES)
def test_pictures_keep_their_times_at_any_rate(tmp_path, fps, name):
    sink = open_sink(tmp_path / name, (64, 64), None, OutputSettings(fps=fps, preset="ultrafast"))
    for index in range(7):
        sink.write(np.full((64, 64, 3), 30 * index, np.uint8), index)
    sink.close()
    with av.open(str(tmp_path / name)) as container:
        times = [f.pts * f.time_base for f in container.decode(video=0)]
    assert times == [index / Fraction(fps) for index in range(7)]
