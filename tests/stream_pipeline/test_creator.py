"""`Ditto`, the short way in: what is loaded, what comes back, and what can be replaced."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from cfg.errors import ConfigError, MediaError, NoFaceError
from ditto import Ditto
from ditto.media.picture import read_picture
from ditto.media.video import VideoSource

EXAMPLES = Path(__file__).parents[2] / "examples"
PORTRAIT = EXAMPLES / "drawn_woman.jpg"
QUICK = {"source": {"max_size": 256}, "output": {"preset": "ultrafast"}}


@pytest.fixture(scope="module")
def ditto():
    with Ditto(**QUICK) as made:
        yield made


@pytest.fixture
def speech(tmp_path, voice):
    soundfile.write(tmp_path / "speech.wav", voice(8 * 640), 16000)
    return tmp_path / "speech.wav"


def frames_in(path):
    video = VideoSource(path)
    try:
        return video.count
    finally:
        video.close()


def test_a_source_and_a_voice_become_a_video(ditto, speech, tmp_path):
    path = ditto.load_source(PORTRAIT).load_audio(speech).generate(tmp_path / "out.mp4")
    assert path == str(tmp_path / "out.mp4")
    assert frames_in(path) == 8


def test_a_dictionary_tells_how_it_went(ditto, speech, tmp_path):
    ditto.load_source(str(PORTRAIT)).load_audio(str(speech))
    result = ditto.generate(str(tmp_path / "out.mp4"), fps=50, return_dict=True)
    assert result["path"] == str(tmp_path / "out.mp4")
    assert result["frames"] == frames_in(result["path"]) == 16
    assert result["average_fps"] == pytest.approx(result["frames"] / result["processing_time"])


def test_pictures_and_samples_may_be_arrays(ditto, tmp_path, voice):
    ditto.load_source(read_picture(PORTRAIT)).load_audio(voice(12_000), rate=24_000)
    assert ditto.generate(tmp_path / "out.mp4", return_dict=True)["frames"] == 13


def test_a_folder_or_a_list_of_voices_becomes_as_many_videos(ditto, speech, tmp_path, voice):
    ditto.load_source(PORTRAIT)
    (tmp_path / "bad.wav").write_bytes(b"not a sound")
    seen = []
    results = ditto.generate_batch(tmp_path, tmp_path / "out", progress=lambda *done: seen.append(done))
    assert [Path(r["path"]).name for r in results] == ["bad.mp4", "speech.mp4"]
    assert isinstance(results[0]["error"], MediaError)
    assert results[1]["frames"] == 8
    assert seen == [(1, 2), (2, 2)]
    (listed,) = ditto.generate_batch([voice(640)], tmp_path / "more")
    assert (Path(listed["path"]).name, listed["frames"]) == ("0000.mp4", 1)


@pytest.mark.parametrize(("load", "missing"), [("load_source", "load_audio"), ("load_audio", "load_source")])
def test_generating_from_half_of_it_says_what_is_missing(speech, tmp_path, load, missing):
    with Ditto(**QUICK) as made:
        getattr(made, load)(PORTRAIT if load == "load_source" else speech)
        with pytest.raises(ConfigError, match=missing):
            made.generate(tmp_path / "out.mp4")


def test_a_preset_lies_below_the_settings_that_are_given():
    with Ditto(preset="fast", motion={"seed": 5}) as made:
        assert made.settings.motion.seed == 5
        assert made.settings.motion.steps < 50


@pytest.fixture
def two_people(tmp_path):
    """A picture of two people side by side, and the boxes their faces lie in."""
    left, right = (read_picture(EXAMPLES / f"{name}.jpg", 400) for name in ("drawn_woman", "drawn_man"))
    height = min(left.shape[0], right.shape[0])
    image = np.hstack([left[:height], right[:height]])
    width = left.shape[1]
    return image, [(0, 0, width, height), (width, 0, image.shape[1], 0.9 * height)]


@pytest.mark.parametrize(("number", "side"), [(0, "left"), (1, "right")])
def test_another_face_detector_takes_the_place_of_the_built_in_one(two_people, number, side):
    image, boxes = two_people
    asked = []

    def detector(picture):
        asked.append(picture.shape)
        return boxes[::-1]

    settings = {**QUICK, "source": {"max_size": 1000}}
    with Ditto(face_detector=detector, **settings) as made:
        made.load_source(image, face=number)
        middle = made._avatar.first.landmarks[:, 0].mean()
    assert asked == [image.shape]
    assert (middle < image.shape[1] / 2) == (side == "left")


@pytest.mark.parametrize(
    ("boxes", "error", "said"), [([], NoFaceError, "found 0"), ([(1, 2)], ConfigError, "four numbers")]
)
def test_a_detector_that_finds_nobody_or_gives_no_boxes_is_said_so(boxes, error, said):
    with Ditto(face_detector=lambda image: boxes, **QUICK) as made, pytest.raises(error, match=said):
        made.load_source(PORTRAIT)


def test_another_audio_processor_reads_whatever_it_likes(tmp_path, voice):
    with Ditto(audio_processor=lambda words: (voice(len(words) * 640), 16_000), **QUICK) as made:
        made.load_source(PORTRAIT).load_audio("five!")
        assert made.generate(tmp_path / "out.mp4", return_dict=True)["frames"] == 5


@pytest.mark.parametrize(
    "wrong", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)]
)
def test_an_array_that_is_no_picture_is_refused(ditto, wrong):
    with pytest.raises(MediaError, match="uint8"):
        ditto.load_source(wrong)


@pytest.mark.parametrize("heard", [5, (1, 2, 3)])
def test_an_audio_processor_that_gives_something_else_is_told_so(heard):
    with (
        Ditto(audio_processor=lambda voice: heard, **QUICK) as made,
        pytest.raises(ConfigError, match="two things"),
    ):
        made.load_audio("a")


def test_voices_of_a_batch_that_are_called_alike_make_videos_of_their_own(tmp_path, voice):
    with Ditto(audio_processor=lambda words: (voice(640), 16_000), **QUICK) as made:
        made.load_source(PORTRAIT)
        results = made.generate_batch(["0002.wav", "0002.wav", 5], tmp_path)
    assert len({result["path"] for result in results}) == len(list(tmp_path.glob("*.mp4"))) == 3
