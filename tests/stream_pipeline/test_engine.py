"""What an engine refuses, and what it logs."""

import dataclasses
import logging
import threading

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.reading import load
from ditto.media.sound import sound_of
from ditto.packs.mini.plugin import PLUGIN
from stream_pipeline.engine import Engine


@pytest.fixture
def engine(fake_pack):
    return Engine(load("mini"), fake_pack())


@pytest.fixture
def picture():
    return np.full((64, 64, 3), 90, np.uint8)


@pytest.mark.parametrize("source", ["portrait.jpg", np.zeros((4, 4, 3), np.uint8)], ids=["name", "picture"])
def test_a_source_that_is_not_registered_is_told_how(engine, tmp_path, source):
    with pytest.raises(ConfigError, match=r"registered first: engine\.render\(engine\.register\(…\), …\)"):
        engine.render(source, sound_of(np.zeros(640)), tmp_path / "out.mp4")
    with pytest.raises(ConfigError, match=r"registered first: engine\.session"):
        engine.session(source)


@pytest.mark.parametrize("rate", ["x", 44_100.5, None])
def test_a_rate_that_is_no_whole_number_is_refused(engine, picture, rate):
    with pytest.raises(ConfigError, match=r"rate is .*whole number"):
        engine.session(engine.register(picture), rate=rate)


def test_a_closed_engine_says_so(engine, picture, tmp_path):
    avatar = engine.register(picture)
    engine.close()
    for use in (
        lambda: engine.register(picture),
        lambda: engine.session(avatar),
        lambda: engine.render(avatar, sound_of(np.zeros(640)), tmp_path / "out.mp4"),
    ):
        with pytest.raises(ConfigError, match="the engine is closed"):
            use()


def test_what_is_registered_and_rendered_is_logged(engine, picture, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "stream_pipeline.engine")
    engine.render(engine.register(picture), sound_of(np.zeros(1280)), tmp_path / "out.mp4")
    said = {
        level: [r.getMessage() for r in caplog.records if r.levelname == level] for level in ("INFO", "DEBUG")
    }
    assert "still of 64 x 64 pixels" in said["INFO"][0]
    assert "out.mp4, 2 frames" in said["INFO"][-1]
    assert any("putback" in line for line in said["DEBUG"])


def test_what_the_first_frame_needs_is_made_ready_beside_loading_and_leaves_no_thread(monkeypatch):
    before, made_on = set(threading.enumerate()), []
    noting = dataclasses.replace(PLUGIN, prepare=lambda: made_on.append(threading.current_thread()))
    monkeypatch.setattr("ditto.packs.mini.plugin.PLUGIN", noting)
    Engine.load("mini").close()
    (beside,) = made_on
    assert beside not in before
    assert set(threading.enumerate()) <= before


def test_a_pack_that_cannot_be_loaded_leaves_no_thread():
    before = set(threading.enumerate())
    with pytest.raises(ConfigError):
        Engine.load("mini", pack={"device": "cuda"})
    assert set(threading.enumerate()) <= before
