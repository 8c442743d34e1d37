"""A video as numbered pictures, forward and backward."""

import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from PIL import Image as Pillow

from cfg.errors import MediaError
from ditto.media import video as video_module
from ditto.media.video import VideoSource

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def film(tmp_path):
    """film(pictures, name, times, **options): a video; times in milliseconds, else 25 a second."""

    def make(pictures, name="film.mp4", times=None, codec="libx264", group=12, crf=4):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            stream.codec_context.gop_size = group
            if codec == "libx264":
                stream.codec_context.options = {"crf": str(crf), "preset": "ultrafast", "bf": "2"}
            for index, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                frame.pts = times[index] if times else index * 40
                frame.time_base = Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make


def numbered(count, size=(64, 64)):
    """Pictures that tell their number: 2 bright or dark halves of 7 bits."""
    pictures = []
    for number in range(count):
        picture = np.zeros((*size, 3), np.uint8)
        for bit in range(8):
            picture[:, bit * size[1] // 8 : (bit + 1) * size[1] // 8] = 220 if number >> bit & 1 else 30
        pictures.append(picture)
    return pictures


def number_of(picture):
    width = picture.shape[1] // 8
    return sum(1 << bit for bit in range(8) if picture[:, bit * width : (bit + 1) * width].mean() > 128)


@pytest.mark.parametrize("name", ["film.mp4", "film.mov", "film.mkv"])
def test_every_picture_is_found_forward(film, name):
    with VideoSource(film(numbered(40), name)) as video:
        assert video.count == 40
        assert [number_of(video.frame(i)) for i in range(40)] == list(range(40))


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_backward_gives_the_same_pictures_as_forward(film, name):
    with VideoSource(film(numbered(60), name)) as video:
        forward = [video.frame(i).copy() for i in range(60)]
        backward = [video.frame(i).copy() for i in reversed(range(60))][::-1]
    assert all((a == b).all() for a, b in zip(forward, backward, strict=True))


def test_any_order_gives_the_same_pictures(film):
    order = np.random.default_rng(0).integers(0, 60, 60)
    with VideoSource(film(numbered(60))) as video:
        assert [number_of(video.frame(int(i))) for i in order] == order.tolist()


def test_backward_and_any_order_hold_with_little_memory(film, monkeypatch):
    monkeypatch.setattr(video_module, "FRAME_CACHE_BYTES", 0)
    order = [*reversed(range(60)), 59, 0, 30, 29, 31]
    with VideoSource(film(numbered(60), group=250)) as video:
        assert [number_of(video.frame(i)) for i in order] == order


def test_few_pictures_are_remembered_however_long_the_video(film, monkeypatch):
    size = 64 * 64 * 3 // 2  # as decoded: colour at half the resolution
    monkeypatch.setattr(video_module, "FRAME_CACHE_BYTES", 20 * size)
    with VideoSource(film(numbered(100))) as video:
        most = 0
        for index in [*range(100), *reversed(range(100))]:
            video.frame(index)
            most = max(most, len(video._known))
    assert 8 <= most <= 20


def test_backward_play_decodes_each_group_few_times(film, monkeypatch):
    path = film(numbered(100), group=25)
    decoded = []
    original = VideoSource._numbered
    monkeypatch.setattr(
        VideoSource, "_numbered", lambda self: (decoded.append(1) or f for f in original(self))
    )
    with VideoSource(path) as video:
        for index in reversed(range(100)):
            video.frame(index)
    assert len(decoded) <= 220


def test_a_stream_that_changes_its_size_gives_pictures_of_one_size(film, tmp_path):
    path = tmp_path / "growing.ts"
    parts = [
        film(numbered(5, size), f"{size[0]}.ts", times=[start + 40 * n for n in range(5)])
        for start, size in ((0, (64, 64)), (1000, (96, 128)))
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with VideoSource(path) as video:
        assert video.count == 10
        assert {video.frame(n).shape for n in range(video.count)} == {(64, 64, 3)}


@pytest.mark.parametrize(("index", "count"), [(-1, 5), (5, 5)])
def test_a_picture_past_the_end_is_an_index_error(film, index, count):
    with VideoSource(film(numbered(count))) as video, pytest.raises(IndexError):
        video.frame(index)


def test_a_changing_rate_becomes_steady(film):
    times = [0, 20, 40, 60, 80, 160, 240, 400, 440]  # milliseconds
    with VideoSource(film(numbered(9), times=times), fps=25) as video:
        shown = [number_of(video.frame(i)) for i in range(video.count)]
    assert shown[:12] == [0, 2, 4, 4, 5, 5, 6, 6, 6, 6, 7, 8]
    assert set(shown[12:]) <= {8}


def test_a_gap_in_the_time_stamps_is_filled_with_the_picture_before_it(film):
    hours = 5 * 3600 * 1000
    with VideoSource(film(numbered(4), times=[0, 40, hours, hours + 40]), fps=25) as video:
        late = hours // 40
        assert late + 2 <= video.count <= late + 26  # the last one is shown for a second at most
        assert [number_of(video.frame(i)) for i in (0, 1, 2, late - 1, late, late + 1)] == [0, 1, 1, 1, 2, 3]


@pytest.mark.parametrize("hours", [30, 1000, 100_000])
def test_a_gap_of_days_is_refused_with_its_place(film, hours):
    later = hours * 3600 * 1000
    path = film(numbered(4), name="film.mkv", times=[0, 40, later, later + 40])
    with pytest.raises(MediaError, match=rf"{hours} hours.*{hours * 3600} s, is after frame 1"):
        VideoSource(path, fps=25)


@pytest.mark.parametrize(("rate", "count"), [(50, 50), (Fraction(25, 2), 13), (30, 30)])
def test_a_steady_video_is_shown_at_another_rate(film, rate, count):
    with VideoSource(film(numbered(25)), fps=rate) as video:
        shown = [number_of(video.frame(i)) for i in range(video.count)]
    assert len(shown) == count
    assert shown == [min(int(Fraction(i) / rate * 25), 24) for i in range(count)]


def test_colours_and_size_come_back(film, photo):
    with VideoSource(film([photo] * 3)) as video:
        image = video.frame(1)
    assert image.shape == photo.shape and image.flags.c_contiguous
    assert np.abs(image.astype(int) - photo).mean() < 3


def test_full_range_video_is_not_stretched(film):
    grey = [np.full((64, 64, 3), 200, np.uint8)] * 2
    with VideoSource(film(grey, "film.avi", codec="mjpeg")) as video:
        assert np.abs(video.frame(0).astype(int) - 200).max() <= 2


def test_a_large_video_is_made_smaller(film):
    with VideoSource(film(numbered(3, (64, 128))), max_size=64) as video:
        assert video.frame(2).shape == (32, 64, 3)


TURNED = {  # what an upright player shows at top left, top right, bottom left, bottom right
    0: (RED, GREEN, BLUE, WHITE),
    90: (BLUE, RED, WHITE, GREEN),  # clockwise
    180: (WHITE, BLUE, GREEN, RED),
    270: (GREEN, WHITE, RED, BLUE),
}


def turn(path, degrees):
    """Writes a quarter turn clockwise into the display matrix of an MP4's only track."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # version 0: the matrix is 40 bytes in
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    matrix = [cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30]
    content[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("degrees", TURNED)
def test_a_video_of_a_turned_phone_stands_upright(film, degrees):
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48], picture[:32, 48:] = RED, GREEN
    picture[32:, :48], picture[32:, 48:] = BLUE, WHITE
    with VideoSource(turn(film([picture] * 2), degrees)) as video:
        image = video.frame(1).astype(int)
    assert image.shape == ((64, 96, 3) if degrees % 180 == 0 else (96, 64, 3))
    for colour, (row, column) in zip(TURNED[degrees], [(8, 8), (8, -9), (-9, 8), (-9, -9)], strict=True):
        assert np.abs(image[row, column] - colour).max() < 40


def test_frames_without_times_are_counted(tmp_path, film):
    path = tmp_path / "film.h264"
    with av.open(str(film(numbered(20)))) as given, av.open(str(path), "w", format="h264") as raw:
        stream = raw.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.size:
                packet.stream = stream
                raw.mux(packet)
    with VideoSource(path) as video:
        order = [*range(20), *reversed(range(20))]
        assert video.count == 20
        assert [number_of(video.frame(i)) for i in order] == order


def open_in(folder):
    return [file.path for file in psutil.Process().open_files() if Path(file.path).is_relative_to(folder)]


def test_closing_lets_go_of_the_file(film, tmp_path):
    path = film(numbered(30))
    for _ in range(3):
        with VideoSource(path) as video:
            video.frame(20)
            video.frame(3)
            assert open_in(tmp_path) == [str(path)]
    video.close()
    assert open_in(tmp_path) == []


def test_a_refused_file_is_let_go_of(tmp_path, film, wav, murmur):
    sound, text, film_path = wav(murmur(0.1), 16000), tmp_path / "text.mp4", film(numbered(30))
    text.write_text("Dear reader,\n" * 99)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(film_path.read_bytes()[:400])
    (tmp_path / "empty.mp4").touch()
    for path in (sound, text, cut, tmp_path / "empty.mp4", tmp_path, tmp_path / "missing.mp4"):
        with pytest.raises(MediaError) as caught:
            VideoSource(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
    assert open_in(tmp_path) == []


def test_a_file_with_sound_only_says_so(wav, murmur):
    with pytest.raises(MediaError, match="has no pictures"):
        VideoSource(wav(murmur(0.1), 16000))


def test_a_video_that_was_cut_off_is_shown_as_far_as_it_goes(film):
    path = film(numbered(50), "film.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoSource(path) as video:
        assert 5 < video.count < 50
        shown = [number_of(video.frame(i)) for i in range(video.count - 1)]
        assert shown == list(range(video.count - 1))


def test_sound_beside_the_pictures_is_noticed(film):
    with VideoSource(film(numbered(2))) as video:
        assert not video.has_sound
        assert video.fps == 25


@pytest.fixture
def animation(tmp_path):
    """An animated WebP of six pictures, the second shown for 120 ms."""
    first, *others = [Pillow.fromarray(picture) for picture in numbered(6)]
    path = tmp_path / "moving.webp"
    durations = [40, 120, 40, 40, 40, 40]
    first.save(path, save_all=True, append_images=others, duration=durations, lossless=True)
    return path


def test_an_animated_webp_is_a_video(animation):
    with VideoSource(animation, fps=25) as video:
        assert video.count == 8
        assert [number_of(video.frame(i)) for i in range(8)] == [0, 1, 1, 1, 2, 3, 4, 5]
        assert [number_of(video.frame(i)) for i in (7, 3, 0)] == [5, 1, 0]
        assert (video.frame(7) == numbered(6)[5]).all()
        copy = Path(video._copy.name)
    assert not copy.exists()


@pytest.mark.parametrize(("duration", "numbers"), [(20, [0, 2, 4]), (80, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5])])
def test_pictures_of_an_animated_webp_are_shown_at_their_times(tmp_path, duration, numbers):
    first, *others = [Pillow.fromarray(picture) for picture in numbered(6)]
    path = tmp_path / "moving.webp"
    first.save(path, save_all=True, append_images=others, duration=duration, lossless=True)
    with VideoSource(path, fps=25) as video:
        assert [number_of(video.frame(i)) for i in range(len(numbers))] == numbers


def test_a_damaged_animated_webp_is_named_and_leaves_no_copy(animation, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    animation.write_bytes(animation.read_bytes()[:-300])
    with pytest.raises(MediaError, match=r"moving\.webp: (the animation is damaged|not a picture)"):
        VideoSource(animation)
    assert [path.name for path in tmp_path.iterdir()] == ["moving.webp"]


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", b"V_MPEG4/ISO/ASP"), ("a.avi", b"FMP4")])
def test_a_video_of_an_unknown_codec_is_refused(film, name, codec):
    path = film(numbered(3), name, codec="mpeg4")
    path.write_bytes(path.read_bytes().replace(codec, codec[:-1] + b"?"))
    with pytest.raises(MediaError, match=rf"{name}: its pictures have an unknown codec"):
        VideoSource(path)
