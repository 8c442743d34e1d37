"""What is no picture, sound or video is called what it is, whatever its name says."""

import numpy as np
import pytest
from PIL import Image as Pillow

from cfg.errors import MediaError
from ditto.media.file_signatures import is_animated_webp, is_heic, mistaken
from ditto.media.files import existing
from ditto.media.picture import read_picture

SVG = b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg" width="9"></svg>'
OTHERS = {
    "a text": "Dear diary,\n\tall is well: Grüße.\n".encode(),
    "an SVG drawing": SVG,
    "a web page": b"\xef\xbb\xbf<!DOCTYPE html>\n<html><body>404</body></html>",
    "a playlist": b"#EXTM3U\nhttp://somewhere.else/voice.ts\n",
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "an archive or an office document": b"PK\x03\x04\x14\0",
    "a compressed file": b"\x1f\x8b\x08\0",
    "a Photoshop document": b"8BPS\0\1",
    "a MIDI file, notes without sound": b"MThd\0\0\0\6",
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", ["x.png", "x.wav", "x.mp4", "x"])
def test_a_file_is_called_what_it_is(tmp_path, kind, name):
    (tmp_path / name).write_bytes(OTHERS[kind])
    with pytest.raises(MediaError, match=f"{name}: is {kind}, not a portrait; "):
        existing(tmp_path / name, "portrait")


def test_a_text_that_is_cut_within_a_letter_is_a_text(tmp_path):
    (tmp_path / "x").write_text("a" + "ü" * 5000)
    assert mistaken(tmp_path / "x") == ("a text", "")


def test_pictures_that_begin_like_a_text_are_read(tmp_path):
    (tmp_path / "a.ppm").write_text("P3 16 16 255\n" + "9 8 7 " * 256)
    assert (read_picture(tmp_path / "a.ppm") == (9, 8, 7)).all()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.bmp", "a.tiff", "a.avif"])
def test_media_are_not_taken_for_anything_else(tmp_path, name):
    path = tmp_path / name
    Pillow.fromarray(np.zeros((32, 32, 3), np.uint8)).save(path)
    assert (mistaken(path), is_heic(path), is_animated_webp(path)) == (None, False, False)
