"""Portraits from files: whatever the format, upright RGB of a size that fits."""

import struct
import sys
import time
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from cfg.errors import MediaError
from ditto.media.picture import MAX_PIXELS, fitted, is_picture, read_picture

# Where the stored corners red, green, blue, white (top left, top right, bottom left, bottom right)
# are to be seen, by EXIF orientation.
SEEN = {
    1: "RGBW",
    2: "GRWB",
    3: "WBGR",
    4: "BWRG",
    5: "RBGW",
    6: "BRWG",
    7: "WGBR",
    8: "GWRB",
}
COLOURS = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "W": (255, 255, 255)}


@pytest.fixture
def corners():
    """(32, 48, 3) with a colour in each quarter."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[:16, :24], image[:16, 24:] = COLOURS["R"], COLOURS["G"]
    image[16:, :24], image[16:, 24:] = COLOURS["B"], COLOURS["W"]
    return image


@pytest.fixture
def ramp():
    """(32, 256) from black to white."""
    return np.tile(np.arange(256, dtype=np.uint8), (32, 1))


@pytest.fixture
def saved(tmp_path):
    """saved(picture, name, **options): the path of a Pillow picture or an array."""

    def save(picture, name="picture.png", **options):
        path = tmp_path / name
        (Pillow.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(path, **options)
        return path

    return save


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff"])
@pytest.mark.parametrize("orientation", SEEN)
def test_a_picture_stands_as_a_viewer_shows_it(saved, corners, orientation, name):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    image = read_picture(saved(corners, name, exif=exif.tobytes() if name != "a.tiff" else exif))
    assert image.shape == ((32, 48, 3) if orientation <= 4 else (48, 32, 3))
    for letter, (row, column) in zip(SEEN[orientation], [(4, 4), (4, -5), (-5, 4), (-5, -5)], strict=True):
        assert np.abs(image[row, column].astype(int) - COLOURS[letter]).max() < 12


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.ppm", "a.gif"])
def test_formats_without_loss_come_back_exactly(saved, corners, name):
    assert (read_picture(saved(corners, name)) == corners).all()


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.avif"])
def test_a_photo_comes_back_almost_as_it_was(saved, photo, name):
    image = read_picture(saved(photo, name, quality=92))
    assert np.abs(image.astype(int) - photo).mean() < 3


def test_grey_becomes_three_equal_channels(saved, ramp):
    assert (read_picture(saved(ramp)) == ramp[..., None]).all()


def test_sixteen_bits_become_eight(saved, ramp):
    deep = ramp.astype(np.uint16) * 257
    for name in ("a.png", "a.tiff"):
        image = read_picture(saved(deep, name))
        assert np.abs(image.astype(int) - ramp[..., None]).max() <= 1


def test_a_dark_sixteen_bit_picture_stays_dark(saved):
    assert read_picture(saved(np.full((32, 32), 200, np.uint16))).max() <= 1


def test_a_palette_is_resolved(saved, corners):
    picture = Pillow.fromarray(corners).convert("P", palette=Pillow.Palette.ADAPTIVE, colors=8)
    assert np.abs(read_picture(saved(picture)).astype(int) - corners).max() < 8


def test_one_bit_is_black_and_white(saved, ramp):
    image = read_picture(saved(Pillow.fromarray(ramp).point(lambda value: 255 * (value > 127), mode="1")))
    assert set(np.unique(image)) == {0, 255}
    assert (image[:, :, 0] == np.where(ramp > 127, 255, 0)).all()


def test_print_colours_become_screen_colours(saved, corners):
    image = read_picture(saved(Pillow.fromarray(corners).convert("CMYK"), "a.jpg", quality=95))
    assert np.abs(image[4, 4].astype(int) - COLOURS["R"]).max() < 12
    assert np.abs(image[-5, -5].astype(int) - COLOURS["W"]).max() < 12


def test_white_shows_through_a_transparent_picture(saved, corners):
    layer = np.dstack([corners, np.full((32, 48), 255, np.uint8)])
    layer[:8, :, 3] = 0
    layer[8:16, :, 3] = 128
    image = read_picture(saved(layer)).astype(int)
    assert (image[:8] == 255).all()
    assert np.abs(image[10, 4] - (255, 127, 127)).max() <= 1
    assert (image[16:] == corners[16:]).all()


@pytest.mark.parametrize("mode", ["LA", "PA"])
def test_grey_and_palette_with_transparency_lie_on_white_too(saved, mode):
    layer = np.zeros((32, 32, 4), np.uint8)
    layer[16:, :, 3] = 255
    picture = Pillow.fromarray(layer).convert("LA")
    if mode == "PA":
        picture = Pillow.fromarray(layer).convert("P", palette=Pillow.Palette.ADAPTIVE)
        picture = picture.quantize(4)
        picture.info["transparency"] = 0
        path = saved(picture, transparency=picture.getpixel((0, 0)))
        assert (read_picture(path)[:16] == 255).all()
        return
    image = read_picture(saved(picture))
    assert (image[:16] == 255).all() and (image[16:] == 0).all()


@pytest.mark.parametrize(("size", "most", "wanted"), [((60, 90), 45, (30, 45)), ((90, 60), 45, (45, 30))])
def test_the_longest_side_is_at_most_what_is_asked(saved, size, most, wanted):
    path = saved(np.zeros((*size, 3), np.uint8))
    assert read_picture(path, most).shape[:2] == wanted
    assert read_picture(path, 90).shape[:2] == size
    assert read_picture(path).shape[:2] == size


def test_making_smaller_keeps_the_mean(photo):
    small = fitted(photo, 50)
    assert small.shape == (50, 50, 3)
    assert np.abs(small.mean(axis=(0, 1)) - photo.mean(axis=(0, 1))).max() < 1


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    for side in (20_000, 60_000):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        path = tmp_path / f"bomb{side}.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(99)))
        began = time.thread_time()
        with pytest.raises(MediaError, match=f"larger than {MAX_PIXELS // 10**6} million pixels"):
            read_picture(path)
        assert time.thread_time() - began < 1


def test_a_tiny_picture_is_refused_with_its_size(saved):
    with pytest.raises(MediaError, match="8 x 40 pixels, but at least 16"):
        read_picture(saved(np.zeros((40, 8, 3), np.uint8)))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tiff", "a.bmp", "a.avif"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_half_a_picture_is_refused(saved, photo, name, share):
    path = saved(photo, name)
    content = path.read_bytes()
    path.write_bytes(content[: max(4, int(len(content) * share))])
    with pytest.raises(MediaError) as caught:
        read_picture(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tiff"])
def test_a_picture_with_flipped_bytes_is_read_or_refused(saved, photo, name):
    path = saved(photo[:64, :64].copy(), name)
    content = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    for _ in range(40):
        broken = content.copy()
        broken[rng.integers(0, len(broken), 8)] = rng.integers(0, 256, 8)
        path.write_bytes(broken.tobytes())
        try:
            assert read_picture(path).ndim == 3
        except MediaError as refusal:
            assert "\n" not in str(refusal)


def test_what_is_not_a_picture_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("Dear reader,\n" * 9)
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name in ("text.png", "empty.png", "folder.png", "missing.png"):
        with pytest.raises(MediaError) as caught:
            read_picture(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")


def test_a_still_is_told_from_what_moves(saved, tmp_path, corners):
    other = Pillow.fromarray(255 - corners)
    assert is_picture(saved(corners, "a.png")) and is_picture(saved(corners, "a.gif"))
    for name in ("b.gif", "b.webp", "b.png"):
        assert not is_picture(saved(corners, name, save_all=True, append_images=[other]))
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)))
    assert not is_picture(tmp_path / "noise.mp4")


@pytest.fixture
def heic(tmp_path, corners):
    """The corners as a phone takes them, to be turned once to the right."""
    pillow_heif = pytest.importorskip("pillow_heif")  # which writes them, too
    exif = Pillow.Exif()
    exif[0x0112] = 6
    image = pillow_heif.from_bytes("RGB", (48, 32), corners.tobytes())
    image.save(tmp_path / "IMG_0001.HEIC", quality=-1, chroma=444, exif=exif.tobytes())
    return tmp_path / "IMG_0001.HEIC"


def test_a_photo_of_a_phone_stands_as_it_was_taken(heic):
    assert is_picture(heic)
    image = read_picture(heic).astype(int)
    assert image.shape == (48, 32, 3)
    for letter, (row, column) in zip(SEEN[6], [(4, 4), (4, -5), (-5, 4), (-5, -5)], strict=True):
        assert np.abs(image[row, column] - COLOURS[letter]).max() < 12


def test_half_a_photo_of_a_phone_is_refused(heic):
    heic.write_bytes(heic.read_bytes()[:-200])
    with pytest.raises(MediaError, match=r"IMG_0001.HEIC: "):
        read_picture(heic)


def test_without_its_library_a_photo_of_a_phone_says_what_to_install(heic, monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    assert is_picture(heic)
    with pytest.raises(
        MediaError, match=r"IMG_0001.HEIC: reading HEIC photos needs .*\[heic\]'; or export it"
    ):
        read_picture(heic)
