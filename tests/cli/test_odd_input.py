"""What is unusual but right renders: sounds and pictures of every make, names of every kind."""

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

SIDE = 256  # pixels: small portraits keep these quick


def murmur(rate, seconds, channels):
    time = np.arange(int(rate * seconds)) / rate
    return np.repeat(0.2 * np.sin(2 * np.pi * 180 * time)[:, None], channels, axis=1)


def frames_of(path):
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


@pytest.fixture
def small(folder, example_portrait):
    """small(path, change, **saving): the example portrait at 256 pixels, changed and saved."""

    def make(name, change=lambda picture: picture, **saving):
        with Image.open(example_portrait) as whole:
            side = min(whole.size)
            left = (whole.width - side) // 2
            square = whole.convert("RGB").crop((left, 0, left + side, side)).resize((SIDE, SIDE))
        path = folder / name
        change(square).save(path, **saving)
        return path

    return make


@pytest.fixture
def renders(run, folder, small):
    """renders(frames, portrait, voice, output): the command line makes so many frames of them."""

    def make(frames, portrait=None, voice="speech.wav", output="out.mp4"):
        portrait = portrait or small("small.png")
        code, _, errors = run(f"--image={portrait}", f"--audio={voice}", f"--output={output}", "--quiet")
        assert code == 0, errors
        assert frames_of(folder / output) == frames

    return make


@pytest.mark.parametrize(
    ("name", "rate", "channels", "subtype"),
    [
        ("telephone.wav", 8000, 1, "PCM_16"),
        ("studio.wav", 96000, 2, "PCM_24"),
        ("surround.wav", 48000, 6, "PCM_16"),
        ("deep.flac", 44100, 2, "PCM_24"),
        ("floats.wav", 22050, 1, "FLOAT"),
        ("bytes.wav", 11025, 1, "PCM_U8"),
        ("law.wav", 8000, 1, "ULAW"),
        ("vorbis.ogg", 48000, 1, "VORBIS"),
        ("speech.mp3", 16000, 1, None),
    ],
)
def test_a_sound_of_any_make_gives_the_frames_of_its_duration(renders, folder, name, rate, channels, subtype):
    soundfile.write(folder / name, murmur(rate, 0.4, channels), rate, subtype=subtype)
    sound = soundfile.info(folder / name)
    samples = -(-sound.frames * 16000 // sound.samplerate)
    renders(-(-samples // 640), voice=name)


def test_the_sound_of_a_phone_recording_is_taken(renders, folder):
    with av.open(str(folder / "memo.m4a"), "w") as file:
        stream = file.add_stream("aac", rate=44100, layout="mono")
        samples = murmur(44100, 0.4, 1).T.astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="mono")
        frame.sample_rate = 44100
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with av.open(str(folder / "memo.m4a")) as file:
        decoded = sum(frame.samples for frame in file.decode(audio=0))
    samples = -(-decoded * 16000 // 44100)
    renders(-(-samples // 640), voice="memo.m4a")


@pytest.mark.parametrize(
    "name", ["two words", 'it\'s "quoted"', "Grüße 世界", "-o", "$HOME;true", "%d", "file:x", "a.b.c", "#1?"]
)
def test_names_of_every_kind_are_only_names(renders, folder, wav, small, name):
    portrait = small("small.png").rename(folder / f"{name}.png")
    wav(folder / f"{name}.wav")
    renders(5, portrait.name, f"{name}.wav", f"{name}.mp4")


def test_a_folder_that_is_missing_is_made_for_the_output(renders):
    renders(5, output="new/er/out.mp4")


def test_a_file_that_is_there_is_replaced(renders, folder):
    (folder / "out.mp4").write_bytes(b"old")
    renders(5)


def turned(orientation):
    def change(picture):
        undo = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
        return picture.transpose(undo[orientation])

    exif = Image.Exif()
    exif[0x0112] = orientation
    return change, {"exif": exif}


def with_alpha(picture):
    picture.putalpha(Image.linear_gradient("L").point(lambda v: max(v, 200)))
    return picture


def sixteen_bit(picture):
    return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_photo_taken_sideways_is_put_upright(renders, small, orientation):
    change, saving = turned(orientation)
    renders(5, small("photo.jpg", change, **saving))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("alpha.png", with_alpha),
        ("grey.png", lambda p: p.convert("L")),
        ("grey_alpha.png", lambda p: p.convert("LA")),
        ("sixteen.png", sixteen_bit),
        ("palette.png", lambda p: p.quantize(128)),
        ("palette.gif", lambda p: p.quantize(128)),
        ("cmyk.jpg", lambda p: p.convert("CMYK")),
        ("picture.webp", lambda p: p),
        ("picture.bmp", lambda p: p),
        ("picture.tiff", lambda p: p),
        ("misnamed.txt.png", lambda p: p),
        ("odd.png", lambda p: p.crop((0, 0, SIDE - 3, SIDE - 1))),
    ],
)
def test_a_picture_of_any_make_renders(renders, small, name, change):
    renders(5, small(name, change))


@pytest.mark.parametrize("suffix", ["mov", "mkv", "webm", "gif"])
def test_the_name_of_the_output_chooses_its_kind(renders, suffix):
    renders(5, output=f"out.{suffix}")


def test_one_sample_of_sound_gives_one_frame(renders, folder):
    soundfile.write(folder / "click.wav", np.zeros(1), 16000)
    renders(1, voice="click.wav")
