"""A render that is cut short goes on where it stopped, and paints nothing twice."""

from collections import Counter

import pytest

from cfg.errors import ConfigError, StageError
from ditto.media.sound import SoundFile, sound_of
from stream_pipeline.engine import Engine

FRAMES = 620
BREAKS_AT = 560  # two whole pieces of 250 frames lie before it


@pytest.fixture
def engine(fake_pack, settings, portrait, monkeypatch, tmp_path):
    """engine(breaks): one whose warper counts its calls, and fails at the frame `breaks`."""

    def make(breaks=None):
        calls = Counter()

        def work(role):
            calls[role] += 1
            if role == "warp" and calls[role] == breaks:
                raise RuntimeError("power cut")

        monkeypatch.setattr("stream_pipeline.engine.register", lambda *_: portrait)
        loaded = Engine(settings(output={"preset": "ultrafast"}), fake_pack(work))
        return loaded, loaded.register(source), calls

    source = tmp_path / "portrait.png"
    source.write_bytes(b"a portrait")
    return make


@pytest.fixture
def sound(voice):
    return sound_of(voice(FRAMES * 640))


def test_the_rest_is_painted_and_the_video_is_that_of_an_undisturbed_run(engine, sound, tmp_path):
    broken, avatar, _ = engine(breaks=BREAKS_AT)
    with pytest.raises(StageError, match="power cut"):
        broken.render(avatar, sound, tmp_path / "out.mp4", output={"resume": True})
    again, avatar, calls = engine()
    seen = []
    report = again.render(
        avatar,
        sound,
        tmp_path / "out.mp4",
        output={"resume": True},
        progress=lambda done, total: seen.append((done, total)),
    )
    assert calls["warp"] == FRAMES - 500
    assert report.frames == FRAMES
    assert seen[0] == (501, FRAMES)
    whole, avatar, _ = engine()
    whole.render(avatar, sound, tmp_path / "whole.mp4", output={"resume": True})
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


@pytest.mark.parametrize(
    "changed", [{"motion": {"seed": 5}}, {"output": {"resume": True, "crf": 30}}, {"stitch": {"fade_in": 9}}]
)
def test_other_settings_begin_anew(engine, sound, tmp_path, changed):
    broken, avatar, _ = engine(breaks=BREAKS_AT)
    with pytest.raises(StageError):
        broken.render(avatar, sound, tmp_path / "out.mp4", output={"resume": True})
    again, avatar, calls = engine()
    again.render(avatar, sound, tmp_path / "out.mp4", **{"output": {"resume": True}, **changed})
    assert calls["warp"] == FRAMES


def test_another_content_of_a_script_begins_anew(engine, sound, tmp_path):
    script = tmp_path / "script.json"
    asked = {"output": {"resume": True}, "stitch": {"controls": str(script)}}
    script.write_text('{"3": {"delta_yaw": 5}}')
    broken, avatar, _ = engine(breaks=BREAKS_AT)
    with pytest.raises(StageError):
        broken.render(avatar, sound, tmp_path / "out.mp4", **asked)
    script.write_text('{"3": {"delta_yaw": 6}}')
    again, avatar, calls = engine()
    again.render(avatar, sound, tmp_path / "out.mp4", **asked)
    assert calls["warp"] == FRAMES


def test_another_stage_of_the_users_own_begins_anew(engine, sound, tmp_path):
    class Same:
        name = "same"

        def process(self, picture):
            yield picture

        def flush(self):
            return ()

        def interrupt(self, turn):
            pass

    broken, avatar, _ = engine(breaks=BREAKS_AT)
    with pytest.raises(StageError):
        broken.render(avatar, sound, tmp_path / "out.mp4", output={"resume": True})
    again, avatar, calls = engine()
    again.add_stage("putback", Same)
    again.render(avatar, sound, tmp_path / "out.mp4", output={"resume": True})
    assert calls["warp"] == FRAMES


def test_without_resume_nothing_is_left_of_a_failed_render(engine, voice, tmp_path):
    broken, avatar, _ = engine(breaks=3100)
    with pytest.raises(StageError):
        broken.render(avatar, sound_of(voice(3200 * 640)), tmp_path / "out.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["portrait.png"]


def test_what_has_no_pieces_cannot_be_resumed(engine, sound, tmp_path):
    loaded, avatar, _ = engine()
    with pytest.raises(ConfigError, match=r"only \.mp4"):
        loaded.render(avatar, sound, tmp_path / "out.gif", output={"resume": True})


def test_a_voice_that_stays_in_its_file_gives_the_same_video(engine, sound, tmp_path, voice):
    import soundfile

    soundfile.write(tmp_path / "v.wav", voice(30 * 640), 16000, "FLOAT")
    loaded, avatar, _ = engine()
    loaded.render(avatar, SoundFile(tmp_path / "v.wav", 30 * 640), tmp_path / "file.mp4")
    loaded.render(avatar, sound_of(voice(30 * 640)), tmp_path / "array.mp4")
    assert (tmp_path / "file.mp4").read_bytes() == (tmp_path / "array.mp4").read_bytes()
