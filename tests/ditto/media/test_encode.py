"""Finished pictures and a sound into a file."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from cfg.errors import ConfigError, MediaError
from cfg.settings import OutputSettings
from ditto.media import encode
from ditto.media.colour import to_picture
from ditto.media.encode import open_sink
from ditto.media.sound import Sound, Track, read_sound, sound_of
from ditto.media.video_file import even

SETTINGS = OutputSettings(preset="ultrafast")
FRAME = 0.04  # seconds
BLACK, WHITE = 20, 235


def write(path, count, sound=None, size=(64, 64), image=None, settings=SETTINGS):
    """A finished video of `count` pictures, each a little brighter than the one before."""
    sink = open_sink(path, size, sound, settings)
    for index in range(count):
        sink.write(np.full((*size, 3), index % 200, np.uint8) if image is None else image, index)
    sink.close()
    return path


def left_in(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("count", [1, 2, 31])
def test_every_picture_is_in_the_video_at_its_time(tmp_path, decoded, suffix, count):
    video = decoded(write(tmp_path / f"out{suffix}", count))
    assert video.times == pytest.approx([i * FRAME for i in range(count)], abs=1e-3)


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000, 96000])
def test_the_sound_is_as_long_as_the_pictures(tmp_path, decoded, wav, murmur, rate, channels):
    voice = wav(np.repeat(murmur(0.7, rate)[:, None], channels, axis=1), rate)
    video = decoded(write(tmp_path / "out.mp4", 18, read_sound(voice)))
    assert len(video.times) == 18
    assert video.seconds_of_sound == pytest.approx(18 * FRAME, abs=1 / 48000)
    assert video.channels == min(channels, 2)
    assert video.rate == (rate if rate in (44100, 48000) else 48000)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 1.0, 3.0])
def test_a_shorter_sound_ends_in_silence_and_a_longer_one_is_cut(tmp_path, decoded, murmur, seconds):
    video = decoded(write(tmp_path / "out.mp4", 25, sound_of(murmur(seconds))))
    assert video.seconds_of_sound == pytest.approx(1.0, abs=1e-4)
    silent = video.sound[(video.moments > seconds + 0.05) & (video.moments < 1.0)]
    assert np.abs(silent).max(initial=0.0) < 1e-3


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000, 96000])
def test_a_click_is_heard_when_its_flash_is_seen(tmp_path, decoded, wav, suffix, rate):
    click = np.zeros(rate, np.float32)
    click[rate // 2 + rate // 50 :][: max(1, rate // 1000)] = 0.9  # at 0.52 s, frame 13
    sink = open_sink(tmp_path / f"out{suffix}", (64, 64), read_sound(wav(click, rate)), SETTINGS)
    for index in range(25):
        sink.write(np.full((64, 64, 3), WHITE if index == 13 else BLACK, np.uint8), index)
    sink.close()
    video = decoded(tmp_path / f"out{suffix}")
    seen = video.times[int(np.argmax(video.pictures.mean(axis=(1, 2, 3))))]
    energy = video.sound.astype(float) ** 2
    heard = float((video.moments * energy).sum() / energy.sum()) - 0.0005  # half of the click's length
    assert heard == pytest.approx(seen, abs=0.003)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_colours_come_back_as_they_were(tmp_path, photo, suffix):
    path = write(tmp_path / f"out{suffix}", 3, size=(256, 256), image=photo, settings=OutputSettings(crf=10))
    with av.open(str(path)) as container:
        *_, last = container.decode(container.streams.video[0])
    difference = to_picture(last).astype(float) - photo
    assert np.abs(difference).mean() < 2
    assert np.abs(difference.mean(axis=(0, 1))).max() < 0.5


def test_another_reader_that_heeds_the_tags_sees_the_same_colours(tmp_path):
    teal = np.zeros((64, 64, 3), np.uint8) + np.array([30, 140, 120], np.uint8)
    with av.open(str(write(tmp_path / "out.mp4", 2, image=teal))) as container:
        seen = next(container.decode(container.streams.video[0])).to_ndarray(format="rgb24")
    assert np.abs(seen.astype(int) - teal).max() <= 3


def test_an_mp4_starts_at_once_and_plays_everywhere(tmp_path, murmur):
    path = write(tmp_path / "out.mp4", 5, sound_of(murmur(0.2)))
    content = path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    with av.open(str(path)) as container:
        video = container.streams.video[0].codec_context
        assert (video.name, video.pix_fmt) == ("h264", "yuv420p")
        assert (video.colorspace, video.color_primaries, video.color_trc) == (1, 1, 1)  # BT.709
        assert video.color_range == 1  # studio
        assert container.streams.audio[0].codec_context.name == "aac"


@pytest.mark.parametrize("size", [(65, 64), (64, 65), (33, 47)])
def test_an_odd_size_grows_by_one_row_or_column(tmp_path, decoded, size):
    height, width = decoded(write(tmp_path / "out.mp4", 2, size=size)).pictures.shape[1:3]
    assert (height, width) == (size[0] + size[0] % 2, size[1] + size[1] % 2)


def test_the_grown_edge_repeats_the_last_pixels():
    image = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    grown = even(image)
    assert grown.shape == (4, 4, 3)
    assert (grown[:3, :3] == image).all()
    assert (grown[3, :3] == image[2]).all() and (grown[:3, 3] == image[:, 2]).all()


def test_a_bitrate_is_kept_instead_of_a_quality(tmp_path):
    rng = np.random.default_rng(0)
    sizes = []
    for bitrate in (100_000, 1_000_000):
        settings = OutputSettings(preset="ultrafast", bitrate=bitrate)
        sink = open_sink(tmp_path / "out.mp4", (128, 128), None, settings)
        for index in range(50):
            sink.write(rng.integers(0, 256, (128, 128, 3), np.uint8), index)
        sink.close()
        sizes.append((tmp_path / "out.mp4").stat().st_size)
    assert sizes[1] > 3 * sizes[0]


def test_the_encoder_looks_ahead_for_a_still_background(tmp_path):
    content = write(tmp_path / "out.mp4", 5, settings=OutputSettings()).read_bytes()
    assert OutputSettings().preset == "portrait"
    assert all(said in content for said in (b"mbtree=1", b"rc_lookahead=10", b"subme=1", b"crf=18"))


def test_a_named_effort_is_exactly_that(tmp_path):
    superfast = write(tmp_path / "out.mp4", 5, settings=OutputSettings(preset="superfast")).read_bytes()
    assert b"x264" in superfast and b"mbtree=1" not in superfast
    veryfast = write(tmp_path / "out.mp4", 5, settings=OutputSettings(preset="veryfast")).read_bytes()
    assert b"mbtree=1" in veryfast and b"subme=2" in veryfast


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("count", [1, 7])
def test_an_animation_has_all_pictures_at_the_right_pace(tmp_path, suffix, count):
    path = tmp_path / f"out{suffix}"
    sink = open_sink(path, (40, 30), None, SETTINGS)
    for index in range(count):
        sink.write(np.full((40, 30, 3), 30 * index, np.uint8), index)
    sink.close()
    with Pillow.open(path) as animation:
        assert (animation.size, getattr(animation, "n_frames", 1)) == ((30, 40), count)
        animation.load()
        if count > 1:
            assert animation.info["duration"] == 40  # milliseconds
            assert animation.info["loop"] == 0  # for ever


def test_a_name_without_suffix_is_a_folder_of_exact_pictures(tmp_path, photo):
    write(tmp_path / "frames", 3, size=(256, 256), image=photo)
    assert left_in(tmp_path / "frames") == ["000000.png", "000001.png", "000002.png"]
    with Pillow.open(tmp_path / "frames" / "000002.png") as picture:
        assert (np.asarray(picture) == photo).all()
    assert left_in(tmp_path) == ["frames"]


def test_a_folder_of_an_earlier_render_is_filled_again(tmp_path):
    write(tmp_path / "frames", 5)
    write(tmp_path / "frames", 2)
    assert left_in(tmp_path / "frames") == ["000000.png", "000001.png"]


@pytest.mark.parametrize("name", ["notes.txt", "000003.png", "000500.png", "portrait.png"])
def test_a_folder_that_holds_anything_else_is_refused(tmp_path, name):
    write(tmp_path / "frames", 5)
    (tmp_path / "frames" / name).write_bytes(b"mine")
    before = left_in(tmp_path / "frames")
    with pytest.raises(ConfigError, match=f"holds {name}, .*--overwrite"):
        open_sink(tmp_path / "frames", (64, 64), None, SETTINGS)
    assert (left_in(tmp_path), left_in(tmp_path / "frames")) == (["frames"], before)


def test_where_pictures_may_go_beside_other_files_these_stay(tmp_path):
    write(tmp_path / "frames", 5)
    for name in ("notes.txt", "000500.png", "000001.png"):
        (tmp_path / "frames" / name).write_bytes(b"mine")
    write(tmp_path / "frames", 2, settings=replace(SETTINGS, overwrite=True))
    assert left_in(tmp_path / "frames") == ["000000.png", "000001.png", "000500.png", "notes.txt"]
    assert (tmp_path / "frames" / "000500.png").read_bytes() == b"mine"


def test_a_folder_that_is_filled_meanwhile_is_left_as_it_is(tmp_path):
    sink = open_sink(tmp_path / "frames", (64, 64), None, SETTINGS)
    sink.write(np.zeros((64, 64, 3), np.uint8), 0)
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "000000.png").write_bytes(b"mine")
    with pytest.raises(ConfigError, match=r"holds 000000\.png"):
        sink.close()
    assert (tmp_path / "frames" / "000000.png").read_bytes() == b"mine"


@pytest.mark.parametrize(("name", "working"), [("frames", ".frames.part"), ("out.mp4", ".out.mp4.parts")])
def test_a_working_folder_is_not_emptied_of_what_no_render_put_there(tmp_path, name, working):
    (tmp_path / working).mkdir()
    (tmp_path / working / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds thesis\.txt; move it away"):
        open_sink(tmp_path / name, (64, 64), None, SETTINGS)
    assert left_in(tmp_path / working) == ["thesis.txt"]


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "frames"])
def test_a_stop_while_a_file_is_opened_leaves_nothing(tmp_path, monkeypatch, name):
    lock = encode.OutputLock

    def locked_and_stopped(*arguments, **options):
        made = lock(*arguments, **options)
        os.kill(os.getpid(), signal.SIGINT)
        return made

    monkeypatch.setattr(encode, "OutputLock", locked_and_stopped)
    threading.Thread(target=time.sleep, args=(0.5,)).start()  # another thread may be told of the stop
    with pytest.raises(KeyboardInterrupt):
        open_sink(tmp_path / name, (64, 64), None, OutputSettings())
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_a_killed_run_do_not_join_the_next(tmp_path):
    (tmp_path / ".frames.part").mkdir()
    (tmp_path / ".frames.part" / "000009.png").write_bytes(b"old")
    write(tmp_path / "frames", 1)
    assert left_in(tmp_path / "frames") == ["000000.png"]


KINDS = ["out.mp4", "out.mkv", "out.webm", "out.gif", "out.webp", "out"]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("written", [0, 3])
def test_abort_leaves_nothing(tmp_path, murmur, name, written):
    sink = open_sink(tmp_path / "new" / name, (64, 64), sound_of(murmur(1)), SETTINGS)
    for index in range(written):
        sink.write(np.zeros((64, 64, 3), np.uint8), index)
    assert not (tmp_path / "new" / name).exists()
    sink.abort()
    sink.abort()
    sink.close()
    assert left_in(tmp_path / "new") == []


@pytest.mark.parametrize("name", KINDS)
def test_closing_twice_and_aborting_afterwards_change_nothing(tmp_path, name):
    sink = open_sink(tmp_path / name, (64, 64), None, SETTINGS)
    sink.write(np.zeros((64, 64, 3), np.uint8), 0)
    sink.close()
    sink.close()
    sink.abort()
    assert left_in(tmp_path) == [name]


@pytest.mark.parametrize("name", KINDS[:-1])
def test_an_earlier_file_is_replaced_only_by_a_whole_one(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"earlier")
    sink = open_sink(path, (64, 64), None, SETTINGS)
    sink.write(np.zeros((64, 64, 3), np.uint8), 0)
    sink.abort()
    assert path.read_bytes() == b"earlier"
    write(path, 1)
    assert path.read_bytes() != b"earlier"


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.gif", "out.webp", "out"])
def test_a_video_without_pictures_is_refused_and_not_left(tmp_path, name):
    sink = open_sink(tmp_path / name, (64, 64), None, SETTINGS)
    with pytest.raises(MediaError, match="no picture was written"):
        sink.close()
    assert left_in(tmp_path) == []


def test_a_voice_that_breaks_while_it_is_written_is_named_and_nothing_left(tmp_path, wav, murmur):
    samples = murmur(3, 48000)
    samples[100_000] = np.nan
    track = Track(wav(samples, 48000, "broken.wav"))
    sink = open_sink(tmp_path / "new" / "out.mp4", (64, 64), Sound(samples, track), SETTINGS)
    with pytest.raises(MediaError, match=r"broken\.wav"):
        for index in range(75):
            sink.write(np.zeros((64, 64, 3), np.uint8), index)
    sink.abort()
    assert left_in(tmp_path / "new") == []


def test_a_voice_that_cannot_be_opened_leaves_no_video(tmp_path):
    sound = Sound(np.zeros(100, np.float32), Track(tmp_path / "gone.wav"))
    with pytest.raises(MediaError, match=r"gone\.wav"):
        open_sink(tmp_path / "new" / "out.mp4", (64, 64), sound, SETTINGS)
    assert left_in(tmp_path / "new") == []


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.gif", "out.webp", "out"])
def test_a_place_that_cannot_be_written_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MediaError) as caught:
        open_sink(tmp_path / "file" / name, (64, 64), None, SETTINGS)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "file" / name) in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out"])
def test_a_folder_without_permission_is_refused(tmp_path, name):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(MediaError, match="ermission denied"):
        open_sink(locked / name, (64, 64), None, SETTINGS)
    assert left_in(locked) == []


def test_a_folder_in_the_place_of_a_video_is_refused(tmp_path):
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(MediaError, match="is a folder"):
        open_sink(tmp_path / "out.mp4", (64, 64), None, SETTINGS)


def test_a_file_in_the_place_of_a_folder_is_refused_before_any_work(tmp_path):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(MediaError, match=r"is a file.*add \.mp4"):
        open_sink(tmp_path / "out", (64, 64), None, SETTINGS)


def test_an_unknown_kind_of_video_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(MediaError, match=r"'\.mp5' is not a kind of video; did you mean '\.mp4'\?"):
        open_sink(tmp_path / "out.mp5", (64, 64), None, SETTINGS)
    assert left_in(tmp_path) == []


FULL_DISK = """
    import resource, signal, sys
    from pathlib import Path
    import numpy as np
    from cfg.errors import MediaError
    from cfg.settings import OutputSettings
    from ditto.media.encode import open_sink

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    rng = np.random.default_rng(0)
    try:
        sink = open_sink(Path(sys.argv[1]), (160, 160), None, OutputSettings(preset="ultrafast"))
        try:
            for index in range(4):
                sink.write(rng.integers(0, 256, (160, 160, 3), np.uint8), index)
            sink.close()
        finally:
            sink.abort()
    except MediaError as error:
        print(error)
        sys.exit(1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
@pytest.mark.parametrize("name", KINDS)
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, name):
    script = [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path / name)]
    ended = subprocess.run(script, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.startswith(f"{tmp_path / name}: cannot be")
    assert ended.stdout.count("\n") == 1
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "pictures"])
def test_two_runs_do_not_write_the_same_video(tmp_path, name):
    first = open_sink(tmp_path / name, (64, 64), None, OutputSettings())
    with pytest.raises(MediaError, match=rf"{name}: is being made by another run"):
        open_sink(tmp_path / name, (64, 64), None, OutputSettings())
    first.write(np.zeros((64, 64, 3), np.uint8), 0)
    first.close()
    open_sink(tmp_path / name, (64, 64), None, OutputSettings()).abort()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_the_same_pictures_make_the_same_file(tmp_path, suffix):
    for name in ("a", "b"):
        sink = open_sink(tmp_path / f"{name}{suffix}", (64, 64), None, OutputSettings())
        sink.write(np.zeros((64, 64, 3), np.uint8), 0)
        sink.close()
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize(("name", "part"), [("out.mp4", ".out.part.mp4"), ("pictures", ".pictures.part")])
def test_a_link_in_the_place_of_what_is_unfinished_is_not_followed(tmp_path, name, part):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").write_text("theirs")
    (tmp_path / part).symlink_to(tmp_path / "others" / ("file" if "." in name else ""))
    write(tmp_path / name, 1)
    assert (tmp_path / "others" / "file").read_text() == "theirs"
    assert not (tmp_path / name).is_symlink()
