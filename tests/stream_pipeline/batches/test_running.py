"""Batches: portraits measured once, failures that stop nobody, finished work left alone."""

import _thread
import threading
from collections import Counter
from dataclasses import replace

import pytest
import soundfile

from cfg.errors import ConfigError, MediaError, NoFaceError
from stream_pipeline.batches import running
from stream_pipeline.batches.jobs import Job
from stream_pipeline.batches.journal import NAME
from stream_pipeline.batches.running import Batch
from stream_pipeline.engine import Engine

FRAMES = 12


@pytest.fixture
def job(tmp_path, voice):
    """job(sound, portrait): one whose video goes to the folder `out`."""

    def make(sound="a", portrait="p", **over):
        source, audio = tmp_path / f"{portrait}.png", tmp_path / f"{sound}.wav"
        if not source.exists():
            source.write_bytes(portrait.encode())
        if sound != "broken" and not audio.exists():
            soundfile.write(audio, voice(FRAMES * 640, seed=len(sound)), 16000)
        return Job(source, audio, tmp_path / "out" / f"{portrait}_{sound}.mp4", over)

    return make


class Exits:
    """What one's own stage may do while it is made."""

    def __init__(self):
        raise SystemExit(3)


@pytest.fixture
def batch(fake_pack, settings, portrait, monkeypatch, tmp_path):
    """batch(jobs, …): the states of the jobs, and how often each role was called."""

    def make(jobs, work=lambda role: None, stage=None, **options):
        calls = Counter()

        def counted(role):
            calls[role] += 1
            work(role)

        def register(pack, path, chosen, video):
            calls[path.name] += 1
            if path.name.startswith("nobody"):
                raise NoFaceError(f"{path}: no face was found")
            return portrait

        monkeypatch.setattr("stream_pipeline.engine.register", register)
        engine = Engine(settings(output={"preset": "ultrafast"}), fake_pack(counted))
        if stage is not None:
            engine.add_stage("putback", stage)
        outcomes = Batch([engine], jobs, tmp_path / "out", **options).run()
        return outcomes, calls

    return make


def states(outcomes):
    return [outcome.state for outcome in outcomes]


@pytest.mark.parametrize("workers", [1, 3])
def test_all_videos_are_made_and_a_portrait_is_measured_once(batch, job, workers):
    jobs = [job("a"), job("bb"), job("ccc"), job("a", "q")]
    outcomes, calls = batch(jobs, workers=workers)
    assert states(outcomes) == ["done"] * 4
    assert [o.job.output for o in outcomes] == [j.output for j in jobs]
    assert all(j.output.stat().st_size for j in jobs)
    assert calls["p.png"] == calls["q.png"] == 1


def test_a_failure_is_noted_and_the_rest_goes_on(batch, job):
    outcomes, _ = batch([job("a"), job("broken"), job("a", "nobody"), job("bb")])
    assert states(outcomes) == ["done", "failed", "failed", "done"]
    assert "no such file" in outcomes[1].error
    assert "no face" in outcomes[2].error


def test_an_exit_fails_the_video_and_not_the_batch(batch, job):
    outcomes, _ = batch([job("a"), job("bb")], stage=Exits)
    assert states(outcomes) == ["failed", "failed"]
    assert outcomes[0].error == "SystemExit: 3"


def test_an_unexpected_error_is_a_failure_of_that_video_alone(batch, job):
    def breaks_once(role, seen=Counter()):  # noqa: B006 - counts over all calls
        seen[role] += 1
        if role == "decode" and seen[role] == 5:
            raise ZeroDivisionError("a bug")

    outcomes, _ = batch([job("a"), job("bb")], breaks_once)
    assert states(outcomes) == ["failed", "done"]
    assert "a bug" in outcomes[0].error


def test_finished_videos_are_kept_and_only_the_missing_one_is_made(batch, job):
    jobs = [job("a"), job("bb"), job("ccc")]
    batch(jobs)
    jobs[1].output.unlink()
    before = jobs[0].output.stat().st_mtime_ns
    outcomes, calls = batch(jobs)
    assert states(outcomes) == ["kept", "done", "kept"]
    assert calls["warp"] == FRAMES
    assert jobs[0].output.stat().st_mtime_ns == before


def changed_sound(job, voice):
    soundfile.write(job.audio, voice(2 * FRAMES * 640), 16000)
    return job


def changed_video(job, voice):
    job.output.write_bytes(b"cut off")
    return job


def changed_settings(job, voice):
    return Job(job.source, job.audio, job.output, {"motion": {"seed": 9}})


@pytest.mark.parametrize("change", [changed_sound, changed_video, changed_settings])
def test_what_changed_is_made_again(batch, job, voice, change):
    batch([job("a")])
    outcomes, _ = batch([change(job("a"), voice)])
    assert states(outcomes) == ["done"]


def test_force_makes_all_again(batch, job):
    batch([job("a")])
    assert states(batch([job("a")], force=True)[0]) == ["done"]


def test_a_line_cut_off_by_a_kill_costs_only_its_own_video(batch, job, tmp_path):
    batch([job("a"), job("bb")])
    journal = tmp_path / "out" / NAME
    journal.write_bytes(journal.read_bytes()[:-20])
    assert states(batch([job("a"), job("bb")])[0]) == ["kept", "done"]


def test_settings_that_are_wrong_for_one_job_fail_that_job(batch, job):
    outcomes, _ = batch([job("a", motion={"seeed": 1}), job("bb")])
    assert states(outcomes) == ["failed", "done"]
    assert "did you mean 'seed'" in outcomes[0].error


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"condition": {"emotion": "Hapy"}}, "line 3: .*did you mean 'Happy'"),
        ({"motion": {"sed": 3}}, "line 3: motion.sed is not a setting; did you mean 'seed'"),
        ({"motion": {"steps": 0}}, "line 3: motion.steps is 0"),
    ],
)
def test_wrong_settings_in_a_list_are_found_with_their_line(job, settings, over, said):
    jobs = [replace(job(), where="line 2"), replace(job("bb", **over), where="line 3")]
    with pytest.raises(ConfigError, match=said):
        running.check_jobs(jobs, settings())
    running.check_jobs(jobs[:1], settings())


def test_what_is_noticed_about_a_portrait_or_a_voice_goes_with_the_video(batch, job, portrait, tmp_path):
    portrait.first = replace(portrait.first, warnings=("the face is small",))
    soundfile.write(tmp_path / "hush.wav", [0.0] * 1280, 16000)
    outcomes, _ = batch([job("a"), job("hush")])
    small = f"{tmp_path / 'p.png'}: the face is small"
    assert outcomes[0].warnings == (small,)
    assert outcomes[1].warnings[0] == small
    assert "hush.wav: the voice is silent" in outcomes[1].warnings[1]


def test_an_input_is_never_overwritten(batch, job):
    given = job("a")
    outcomes, _ = batch([Job(given.source, given.audio, given.audio)])
    assert states(outcomes) == ["failed"]
    assert given.audio.stat().st_size > 1000


def test_portraits_are_let_go_when_there_are_many(batch, job, monkeypatch):
    monkeypatch.setattr(running, "MAX_KEPT_AVATARS", 2)
    released = []
    monkeypatch.setattr(Engine, "release", lambda self, avatar: released.append(avatar))
    outcomes, calls = batch([job("a", portrait) for portrait in "pqrst"])
    assert states(outcomes) == ["done"] * 5
    assert len(released) == 3
    assert calls["t.png"] == 1


def test_an_interruption_stops_all_workers_and_leaves_no_thread(batch, job):
    def interrupted(status, outcome):
        if status.frames == 5:
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        batch([job("a"), job("bb"), job("ccc")], watch=interrupted)
    assert not [t.name for t in threading.enumerate() if t.name.startswith("ditto-")]


def test_a_folder_that_cannot_be_used_is_named(batch, job, tmp_path):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(MediaError, match="out: cannot be used"):
        batch([job("a")])


def test_progress_counts_frames_and_videos(batch, job):
    seen = []
    batch([job("a"), job("broken")], watch=lambda s, o: seen.append((s.frames, s.finished, s.failed)))
    assert seen[-1] == (FRAMES, 2, 1)
    assert (FRAMES, 0, 0) in seen


def test_a_kind_of_file_that_is_asked_for_counts_over_the_name(batch, job):
    asked = [job("a", output={"format": "webm"}), job("bb", output={"format": "png-sequence"})]
    outcomes, _ = batch(asked)
    assert [o.job.output.name for o in outcomes] == ["p_a.webm", "p_bb"]
    assert all(o.job.output.exists() for o in outcomes)
    assert states(batch(asked)[0]) == ["kept"] * 2


def test_kinds_that_are_asked_for_may_not_make_the_same_video(batch, job):
    first, second = job("a", output={"format": "webm"}), job("bb")
    named = Job(second.source, second.audio, first.output.with_suffix(".webm"), where="line 3")
    with pytest.raises(ConfigError, match=r"line 3: makes .*p_a\.webm"):
        batch([first, named])


def test_an_input_of_another_job_is_never_overwritten(batch, job):
    first, second = job("a"), job("bb")
    outcomes, _ = batch([Job(first.source, first.audio, second.audio.with_suffix(".wav")), second])
    assert states(outcomes) == ["failed", "done"]
    assert "is an input" in outcomes[0].error


@pytest.mark.parametrize("kind", ["../../x", "", [], 5])
def test_a_strange_kind_of_file_fails_its_own_job(batch, job, kind):
    outcomes, _ = batch([job("a", output={"format": kind}), job("bb")])
    assert states(outcomes)[1] == "done"


def test_a_portrait_without_a_face_is_looked_at_once(batch, job):
    outcomes, calls = batch([job(sound, "nobody") for sound in ("a", "bb", "ccc")])
    assert states(outcomes) == ["failed"] * 3
    assert calls["nobody.png"] == 1
    assert len({outcome.error for outcome in outcomes}) == 1


@pytest.mark.parametrize("when", [0, 1])
def test_a_failure_of_whoever_watches_ends_the_batch_and_is_raised(batch, job, when):
    def closed(status, outcome):
        if status.finished == when:
            raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError):
        batch([job("a"), job("bb")], watch=closed)
    assert not [t.name for t in threading.enumerate() if t.name.startswith("ditto-")]


def test_a_line_cut_off_by_a_kill_does_not_spoil_the_next(batch, job, tmp_path):
    batch([job("a"), job("bb")])
    journal = tmp_path / "out" / NAME
    journal.write_bytes(journal.read_bytes()[:-20])
    batch([job("a"), job("bb")])
    assert states(batch([job("a"), job("bb")])[0]) == ["kept", "kept"]


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"output": 1}', b"\xff", b'"text"'])
def test_a_strange_line_in_the_journal_counts_for_nothing(batch, job, tmp_path, line):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).write_bytes(line)
    assert states(batch([job("a")])[0]) == ["done"]


def test_another_content_of_a_script_makes_the_video_again(batch, job, tmp_path):
    script = tmp_path / "script.json"
    for text in ('{"3": {"delta_yaw": 5}}', '{"3": {"delta_yaw": 6}}'):
        script.write_text(text)
        outcomes, _ = batch([job("a", stitch={"controls": str(script)})])
        assert states(outcomes) == ["done"]
