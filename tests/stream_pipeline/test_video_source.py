"""A person in a video says something else: the built-in pack on the bundled examples."""

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from cfg.errors import NoFaceError
from ditto import bundled
from ditto.faces.finder import FaceFinder
from ditto.faces.outline import outline
from ditto.faces.pose import angles, average_face, canonical, lid_opening
from ditto.faces.topology import EYES, STABLE
from ditto.media.picture import read_picture
from ditto.media.sound import read_sound, shortened
from ditto.media.video import VideoSource
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from ditto.rates import SAMPLES_PER_FRAME
from ditto.source.registered import bounce
from scripts.measure_motion import measure
from stream_pipeline.engine import Engine
from stream_pipeline.session import Session

EXAMPLES = Path(__file__).parents[2] / "examples"
VIDEO, SPEECH = EXAMPLES / "astronaut_video.mp4", EXAMPLES / "speech.flac"
FRAMES = 120  # 100 forward, 20 back


@pytest.fixture(scope="module")
def engine():
    with Engine.load("mini") as loaded:
        yield loaded


@pytest.fixture(scope="module")
def speaking(engine):
    """speaking(frames, avatar, **settings): pictures before encoding."""
    voice = read_sound(SPEECH)

    def make(frames, avatar, **over):
        sound = shortened(voice, frames * SAMPLES_PER_FRAME)
        settings = engine.with_settings(over)
        with Session(engine.pack, avatar, settings, sound=sound.pieces(), length=frames) as session:
            return [picture.image for picture in session.pictures()]

    return make


@pytest.fixture(scope="module")
def astronaut(engine):
    return engine.register(VIDEO)


@pytest.fixture(scope="module")
def own():
    """The source's pictures in the order they are shown."""
    with VideoSource(VIDEO, fps=25) as video:
        return [video.frame(bounce(n, video.count)) for n in range(FRAMES)]


@pytest.fixture(scope="module")
def dubbed(speaking, astronaut):
    return speaking(FRAMES, astronaut)


@pytest.fixture(scope="module")
def tracks():
    finder = FaceFinder.open(bundled.FOLDER)

    def make(pictures):
        found = [finder.find(pictures[0])[0]]
        for picture in pictures[1:]:
            found.append(finder.track(picture, found[-1].landmarks))
        return np.stack([face.landmarks for face in found])

    return make


def with_own_mouth(dubbed, own, landmarks):
    """The dubbed pictures with the source's lower face, which speech may move, put back."""
    restored = []
    for picture, source, points in zip(dubbed, own, landmarks, strict=True):
        mask = np.zeros(source.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.rint(outline(points, "lower_face")).astype(np.int32)], 1)
        restored.append(np.where(mask[..., None] > 0, source, picture))
    return restored


def trembling(landmarks, points):
    """Root mean square of what a straight path between the neighbours does not explain, pixels."""
    path = landmarks[:, list(points), :2]
    return float(np.sqrt(np.mean((path[2:] - 2 * path[1:-1] + path[:-2]) ** 2)))


@pytest.mark.full
def test_head_eyes_and_steadiness_of_the_source_survive(dubbed, own, tracks):
    source = tracks(own)
    after = tracks(with_own_mouth(dubbed, own, source))
    (face_before, _, turn_before, _), (face_after, _, turn_after, _) = (
        canonical(t, average_face()) for t in (source, after)
    )
    for before, now in zip(angles(turn_before), angles(turn_after), strict=True):
        assert np.quantile(np.abs(before - now), 0.95) < 0.6  # degrees; the tracker wavers by half of one
    for eye in EYES:
        assert np.abs(lid_opening(face_before, eye) - lid_opening(face_after, eye)).max() < 0.02
    assert trembling(after, STABLE) < 1.1 * trembling(source, STABLE)


@pytest.mark.full
def test_lips_say_on_a_video_what_they_say_on_a_portrait(dubbed, speaking, engine, tracks):
    portrait = speaking(FRAMES, engine.register(EXAMPLES / "astronaut.jpg"))
    gaps = [measure(tracks(pictures)).expression[:, Exp.GAP] / METRE for pictures in (dubbed, portrait)]
    assert np.corrcoef(*gaps)[0, 1] > 0.85


def test_nothing_but_the_moving_part_is_touched(speaking, astronaut, own):
    frames = 12
    boxes = [frame.appearance.head.box for frame in islice(astronaut.play(), frames)]
    for picture, source, (left, top, right, bottom) in zip(
        speaking(frames, astronaut), own, boxes, strict=False
    ):
        outside = np.ones(source.shape[:2], bool)
        outside[top:bottom, left:right] = False
        np.testing.assert_array_equal(picture[outside], source[outside])


def test_with_a_region_all_else_is_the_source_bit_for_bit(speaking, astronaut, own):
    pictures = speaking(12, astronaut, blend={"region": "lower_face"})
    for picture, source, frame in zip(pictures, own, astronaut.play(), strict=False):
        eyes = int(frame.landmarks[[33, 263], 1].max())
        np.testing.assert_array_equal(picture[: eyes + 4], source[: eyes + 4])
    assert any((p != s).any() for p, s in zip(pictures, own, strict=False))


def test_a_portraits_head_is_still_while_its_source_stays_in_sight(speaking, engine):
    portrait = engine.register(EXAMPLES / "grace_hopper.jpg")
    source = portrait.first.image
    for blend in ({"region": "mouth"}, {"mode": "weak"}):
        pictures = speaking(25, portrait, blend=blend)
        hair = int(portrait.first.landmarks[10, 1])
        assert any((picture != source).any() for picture in pictures)
        for picture in pictures:  # brows may pull at the forehead
            assert np.abs(picture[:hair].astype(int) - source[:hair]).mean() < 0.5


def test_a_source_that_ends_ends_the_video(engine, tmp_path):
    avatar = engine.register(VIDEO, template_frames=7, loop="end")
    report = engine.render(avatar, SPEECH, tmp_path / "out.mp4")
    assert report.frames == 7
    with VideoSource(tmp_path / "out.mp4") as video:
        assert video.count == 7


@pytest.fixture
def film(tmp_path):
    """film(pictures, times): a video; times in milliseconds."""

    def make(pictures, times=None, name="film.mp4"):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"crf": "10", "preset": "ultrafast"})
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            for n, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                frame.pts, frame.time_base = times[n] if times else n * 40, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return tmp_path / name

    return make


@pytest.fixture(scope="module")
def stills():
    """Two people, and nobody."""
    faces = [
        cv2.resize(read_picture(EXAMPLES / name)[:480, :480], (256, 256), interpolation=cv2.INTER_AREA)
        for name in ("astronaut.jpg", "drawn_man.jpg")
    ]
    return [*faces, np.full((256, 256, 3), 127, np.uint8)]


def test_cuts_and_gaps_are_survived(engine, film, stills, speaking):
    first, second, nobody = stills
    path = film([nobody] + [first] * 3 + [nobody] * 2 + [second] * 3 + [first] * 2)
    avatar = engine.register(path)
    frames = list(islice(avatar.play(), 11))
    assert [frame.seen for frame in frames] == [False] + [True] * 3 + [False] * 2 + [True] * 5
    pictures = speaking(11, avatar)
    for frame, picture in zip(frames, pictures, strict=True):
        if not frame.seen:
            np.testing.assert_array_equal(picture, frame.image)
    places = [frame.landmarks[4, :2] for frame in frames if frame.seen]
    assert np.abs(places[0] - places[-1]).max() < 3
    assert np.ptp(places[3:6], axis=0).max() < 3


def test_every_frame_may_be_asked_to_have_a_face(engine, film, stills):
    avatar = engine.register(film([stills[0]] * 3 + [stills[2]] * 2), no_face="fail", neutral_frames=1)
    with pytest.raises(NoFaceError, match="frame 3"):
        list(islice(avatar.play(), 5))


def test_pictures_keep_their_time_whatever_the_rate_of_the_source(engine, film, stills):
    plain, marked = stills[0], stills[0].copy()
    marked[:32, :32] = 255 - marked[:32, :32]
    slow = engine.register(film([plain, marked] * 4, [n * 100 for n in range(8)]))
    frames = [frame.image[16, 16].tolist() for frame in islice(slow.play(), 20)]
    changes = [n for n in range(1, 20) if frames[n] != frames[n - 1]]
    assert changes == [3, 5, 8, 10, 13, 15, 18]
