"""A stage of the user's own between two others."""

import asyncio
import dataclasses
import threading

import pytest

from cfg.errors import ConfigError, StageError
from ditto.media.sound import sound_of
from stream_pipeline.engine import Engine


class Darkened:
    """Halves every picture, and remembers its thread."""

    name = "darkened"

    def __init__(self):
        self.threads = set()

    def process(self, picture):
        self.threads.add(threading.current_thread().name)
        yield dataclasses.replace(picture, image=picture.image // 2)

    def flush(self):
        return ()

    def interrupt(self, turn):
        pass


@pytest.fixture
def engine(fake_pack, settings, portrait, monkeypatch, tmp_path):
    monkeypatch.setattr("stream_pipeline.engine.register", lambda *_: portrait)
    return Engine(settings(), fake_pack())


@pytest.mark.parametrize("after", ["putback", "writer"])
def test_it_sees_every_picture_on_a_thread_of_its_own(engine, portrait, voice, tmp_path, after):
    stage = Darkened()
    engine.add_stage(after, lambda: stage)
    with engine.session(portrait, mode="offline") as session:
        session.push(voice(640 * 6))
        session.end()
        pictures = [picture.image for picture in session.pictures(timeout=10)]
    assert len(pictures) == 6
    assert all(image[5, 5, 0] == 50 for image in pictures)
    assert stage.threads == {"ditto-darkened"}
    report = engine.render(portrait, sound_of(voice(640 * 6)), tmp_path / "out.mp4")
    assert [m.name for m in report.metrics][-2:] in (["darkened", "writer"], ["writer", "darkened"])


def test_a_stage_behind_one_that_does_not_exist_is_refused_at_once(engine):
    with pytest.raises(ConfigError, match="did you mean 'putback'"):
        engine.add_stage("putbak", Darkened)


class Exits(Darkened):
    """Ends the program at the fourth picture, or so it thinks."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def process(self, picture):
        if picture.index == 3:
            raise self.error
        yield picture


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_one_that_exits_ends_the_render_and_leaves_the_output_free(engine, portrait, voice, tmp_path, error):
    sound, target = sound_of(voice(640 * 6)), tmp_path / "out.mp4"
    engine.add_stage("putback", lambda: Exits(error))
    with pytest.raises(StageError, match="'darkened' failed at frame 3"):
        engine.render(portrait, sound, target)
    assert list(tmp_path.iterdir()) == []
    error_free = Engine(engine.settings, engine.pack)
    assert error_free.render(portrait, sound, target).frames == 6
