"""Whatever is handed to a public method, what it raises is of the documented family, and soon."""

import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from cfg.errors import ConfigError, DittoError
from ditto import AudioBatchLoader, Ditto, Engine, Script, StreamSDK
from ditto.media.sound import sound_of

PORTRAIT = Path(__file__).parents[2] / "examples" / "drawn_man.jpg"
SMALL = {"source": {"max_size": 96}}
VOICE = sound_of(np.zeros(640, np.float32))
ODD = {
    "nothing": None,
    "a number": 3,
    "less than nothing": -1,
    "no number": math.nan,
    "more than any float": 10**400,
    "an empty text": "",
    "a text": "x",
    "a text that ends early": "a\0b",
    "a long name": "n" * 300,
    "a folder": ".",
    "bytes": b"x",
    "a list": [1],
    "a set": {1},
    "an empty array": np.zeros(0),
    "an array of words": np.array(["a"]),
    "complex numbers": np.zeros((2, 2), complex),
    "an object": object(),
}


@pytest.fixture(scope="module")
def engine():
    with Engine.load("mini", **SMALL) as engine:
        yield engine


@pytest.fixture(scope="module")
def avatar(engine):
    return engine.register(PORTRAIT)


@pytest.fixture(scope="module")
def simple():
    with Ditto(**SMALL) as ditto:
        yield ditto.load_source(PORTRAIT).load_audio(VOICE)


def odd_only(call):
    """Calls with everything odd; what is taken all the same is no fault."""
    for given in ODD.values():
        try:
            call(given)
        except DittoError as error:
            assert str(error)


def without(*names):
    return [value for name, value in ODD.items() if name not in names]


@pytest.mark.parametrize(
    "call",
    [
        lambda odd: Engine.load(odd).close(),
        lambda odd: Engine.load("mini", over=odd).close(),
        lambda odd: Engine.load("ditto_onnx", data_root=odd, device="cpu"),
        lambda odd: Engine.load(cfg_pkl="none.pkl", data_root=odd),
        lambda odd: Engine.load(cfg_pkl=odd, data_root="."),
        lambda odd: Engine.load("mini", motion={"seed": odd}).close(),
        lambda odd: Ditto(odd).close(),
        lambda odd: Ditto(preset=odd).close(),
        lambda odd: StreamSDK(odd),
        Script.load,
        Script.of,
        lambda odd: list(AudioBatchLoader(odd)),
        lambda odd: AudioBatchLoader(PORTRAIT.parent, batch_size=odd),
    ],
)
def test_what_is_loaded(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    odd_only(call)


@pytest.mark.parametrize(
    "call",
    [
        lambda engine, avatar, odd: engine.register(odd),
        lambda engine, avatar, odd: engine.register(PORTRAIT, max_size=odd),
        lambda engine, avatar, odd: engine.render(odd, VOICE, "out.mp4"),
        lambda engine, avatar, odd: engine.render(avatar, odd, "out.mp4"),
        lambda engine, avatar, odd: engine.render(avatar, VOICE, "out.mp4", motion=odd),
        lambda engine, avatar, odd: engine.render(avatar, VOICE, "out.mp4", output={"fps": odd}),
        lambda engine, avatar, odd: engine.session(odd),
        lambda engine, avatar, odd: engine.session(avatar, rate=odd),
        lambda engine, avatar, odd: engine.session(avatar, mode=odd),
        lambda engine, avatar, odd: engine.release(odd),
        lambda engine, avatar, odd: engine.add_stage("writer", odd),
    ],
)
def test_an_engine(engine, avatar, tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    odd_only(lambda odd: call(engine, avatar, odd))


def test_where_a_video_goes(engine, avatar, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for given in without("a text", "an object"):
        with pytest.raises(DittoError):
            engine.render(avatar, VOICE, given)


@pytest.mark.parametrize(
    "call",
    [
        lambda live, odd: live.push(odd),
        lambda live, odd: live.push(np.zeros(10, np.float32), timeout=odd),
        lambda live, odd: live.push_features(odd),
        lambda live, odd: live.control(odd, delta_yaw=3),
        lambda live, odd: live.control(0, delta_yaw=odd),
    ],
)
def test_a_session(engine, avatar, call):
    for given in ODD.values():
        with engine.session(avatar) as live:
            try:
                call(live, given)
            except DittoError as error:
                assert str(error)


@pytest.mark.parametrize(
    "call",
    [
        lambda simple, odd: simple.load_source(odd),
        lambda simple, odd: simple.load_audio(odd),
        lambda simple, odd: simple.load_audio(np.zeros(640, np.float32), odd),
        lambda simple, odd: simple.generate("out.mp4", fps=odd),
        lambda simple, odd: simple.generate_batch([VOICE], odd),
        lambda simple, odd: simple.generate_batch([VOICE], "out", suffix=odd),
    ],
)
def test_the_short_way(simple, tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    odd_only(lambda odd: call(simple, odd))


@pytest.mark.parametrize(
    "call",
    [
        lambda sdk, odd: sdk.setup(odd, "out.mp4"),
        lambda sdk, odd: sdk.setup(PORTRAIT, "out.mp4", N_d=odd),
        lambda sdk, odd: sdk.setup_Nd(odd),
        lambda sdk, odd: sdk.setup_Nd(5, fade_in=odd),
        lambda sdk, odd: sdk.setup_Nd(5, ctrl_info=odd),
        lambda sdk, odd: sdk.run_chunk(odd),
        lambda sdk, odd: sdk.run_chunk(np.zeros(6480), odd),
        lambda sdk, odd: sdk.audio2motion_queue.put(odd),
        lambda sdk, odd: sdk.wav2feat.wav2feat(odd),
        lambda sdk, odd: sdk.wav2feat.wav2feat(np.zeros(640), odd),
    ],
)
def test_scripts_for_the_reference(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    sdk = StreamSDK("mini", max_size=96)
    sdk.setup(PORTRAIT, "out.mp4")
    odd_only(lambda odd: call(sdk, odd))
    with suppress(DittoError):  # no picture was made
        sdk.close()
    sdk.__exit__(None)


def test_a_picture_of_pillow_is_told_how_it_is_given(engine):
    with pytest.raises(ConfigError, match=r"the source is of type Image, but .*convert\('RGB'\)"):
        engine.register(Pillow.new("RGB", (64, 64)))
