"""Lists of jobs from folders, CSV and YAML, and what is said about a wrong one."""

from pathlib import Path

import pytest

from cfg.errors import ConfigError, MediaError
from stream_pipeline.batches.jobs import Job, check_outputs, distinct_names, jobs_of_folders, read_jobs

OUT = Path("videos")


@pytest.fixture
def files(tmp_path):
    """files(*names): empty files, and the folder they lie in."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"")
        return tmp_path

    return make


@pytest.fixture
def listed(tmp_path):
    """listed(name, text): the jobs of a list."""

    def make(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_jobs(path, OUT)

    return make


def test_every_sound_of_a_folder_is_spoken_by_the_portrait(files):
    folder = files("p.jpg", "s/b.wav", "s/a.mp3", "s/notes.txt", "s/.hidden.wav")
    jobs = jobs_of_folders(folder / "p.jpg", folder / "s", OUT)
    assert [(job.audio.name, job.output) for job in jobs] == [
        ("a.mp3", OUT / "a.mp4"),
        ("b.wav", OUT / "b.mp4"),
    ]


def test_several_portraits_have_a_folder_each(files):
    folder = files("p/x.jpg", "p/y.png", "s/a.wav", "s/b.wav")
    outputs = [job.output for job in jobs_of_folders(folder / "p", folder / "s", OUT, ".webm")]
    assert outputs == [OUT / who / f"{what}.webm" for who in "xy" for what in "ab"]


def test_sounds_that_differ_in_their_suffix_alone_make_two_videos(files):
    folder = files("p.jpg", "s/a.wav", "s/A.mp3")
    outputs = {job.output.name for job in jobs_of_folders(folder / "p.jpg", folder / "s", OUT)}
    assert outputs == {"a_wav.mp4", "A_mp3.mp4"}


@pytest.mark.parametrize(
    ("source", "audio", "said"), [("none.jpg", "s", "portraits"), ("p.jpg", "empty", "no sounds")]
)
def test_a_missing_file_or_an_empty_folder_is_named(files, source, audio, said):
    folder = files("p.jpg", "s/a.wav", "empty/readme.txt")
    with pytest.raises(MediaError, match=said):
        jobs_of_folders(folder / source, folder / audio, OUT)


def test_a_csv_list_names_files_beside_it_and_settings_by_column(listed, tmp_path):
    text = "source,audio,output,motion.seed,stitch.relative\np.jpg,a.wav,x.mp4,7,\nq.jpg,b.wav,,,false\n"
    first, second = listed("jobs.csv", text)
    assert (first.source, first.audio, first.output) == (
        tmp_path / "p.jpg",
        tmp_path / "a.wav",
        OUT / "x.mp4",
    )
    assert first.over == {"motion": {"seed": 7}}
    assert second.output == OUT / "q_b.mp4"
    assert second.over == {"stitch": {"relative": False}}


def test_a_yaml_list_has_defaults_for_all(listed):
    text = """
defaults: {source: p.jpg, settings: {motion: {seed: 1, steps: 9}}}
jobs:
  - {audio: a.wav}
  - {audio: b.wav, settings: {motion: {seed: 2}}}
"""
    first, second = listed("jobs.yaml", text)
    assert first.over == {"motion": {"seed": 1, "steps": 9}}
    assert second.over == {"motion": {"seed": 2, "steps": 9}}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("jobs.txt", "", "a .csv or a .yaml"),
        ("jobs.csv", "source,audio\n", "holds no jobs"),
        ("jobs.csv", "source,sound\np,a\n", "'sound' is not a column"),
        ("jobs.csv", ",".join(f"motion.k{n}" for n in range(50_000)), "50000 columns"),
        ("jobs.csv", "source,audio\np\n", "line 2: has another number"),
        ("jobs.csv", "source,audio\np,\n", "line 2: 'audio' is missing"),
        ("jobs.csv", "source,audio,audio\np,a,b\n", "'audio' is there twice"),
        ("jobs.csv", "source,audio,output\np,a,../x.mp4\n", "must lie in the folder"),
        ("jobs.csv", "source,audio,output\np,a,/tmp/x.mp4\n", "must lie in the folder"),
        ("jobs.csv", "source,audio,output\np,a,.\n", "must lie in the folder"),
        ("jobs.csv", 'source,audio,output\np,a,"a\nb.mp4"\n', "must be a file name"),
        ("jobs.csv", "source,audio,output\np,a,\x1b[2J.mp4\n", "must be a file name"),
        ("jobs.csv", "source,audio,pack.device\np,a,cuda\n", "of the whole batch"),
        ("jobs.csv", 'source,audio,motion.seed\np,a,"[&x [1], *x]"\n', "aliases"),
        ("jobs.csv", f"source,audio,motion.seed\np,a,{'[' * 5000}\n", "cannot be read"),
        ("jobs.yaml", 'jobs: [{source: "p\\0", audio: a}]', "not a path of a file"),
        ("jobs.csv", "source,audio,motion.seed\np,a,[1\n", "motion.seed is"),
        ("jobs.csv", 'source,audio\n"p,a\n', "not valid CSV"),
        ("jobs.yaml", "jobs: 3", "expected 'jobs:'"),
        ("jobs.yaml", "job: []", "did you mean 'jobs'"),
        ("jobs.yaml", "jobs: [3]", "job 1: is 3"),
        ("jobs.yaml", "jobs: [{source: p, audio: a, ouput: x}]", "did you mean 'output'"),
        ("jobs.yaml", "jobs: [{source: p, audio: a, settings: {motion: 3}}]", "must be groups"),
        ("jobs.yaml", "jobs: [{source: p, audio: [a]}]", "'audio' is missing"),
        ("jobs.yaml", "jobs: [{source: p, audio: a, output: 5}]", "output is 5"),
        ("jobs.csv", "source,audio,output\np,a,x\n", "line 2: output x: no kind of file.* add .mp4"),
    ],
)
def test_a_wrong_list_is_refused_with_the_place(listed, name, text, said):
    with pytest.raises(ConfigError, match=said):
        listed(name, text)


def test_an_output_without_suffix_is_a_folder_where_that_is_said(listed):
    text = "source,audio,output,output.format\np,a,x/,\np,a,y,png-sequence\n"
    assert [job.output for job in listed("jobs.csv", text)] == [OUT / "x", OUT / "y"]


@pytest.mark.parametrize("other", ["x.mp4", "./x.mp4", "y/../x.mp4", "X.MP4"])
def test_two_jobs_that_make_the_same_video_are_refused(other):
    jobs = [
        Job(Path("p"), Path("a"), OUT / name, where=f"line {n}") for n, name in enumerate(["x.mp4", other])
    ]
    with pytest.raises(ConfigError, match=r"line 1: makes .*, as line 0 does"):
        check_outputs(jobs)


def test_names_differ_whatever_the_files_are_called():
    paths = [Path(name) for name in ("a.mp3", "a.wav", "a_mp3.ogg", "a.wav", "B.wav", "é.wav", "e\u0301.wav")]
    names = distinct_names(paths)
    assert names[0] == "a_mp3"
    assert names[4] == "B"
    assert len({name.lower() for name in names}) == len(paths)


def test_what_is_no_file_is_no_sound(files):
    folder = files("p.jpg", "s/a.wav")
    (folder / "s" / "folder.wav").mkdir()
    assert len(jobs_of_folders(folder / "p.jpg", folder / "s", OUT)) == 1


def test_more_jobs_than_anybody_wants_are_refused(files, monkeypatch):
    monkeypatch.setattr("stream_pipeline.batches.jobs.MAX_JOBS", 3)
    folder = files("p/a.jpg", "p/b.jpg", "s/a.wav", "s/b.wav")
    with pytest.raises(ConfigError, match="2 portraits with 2 sounds"):
        jobs_of_folders(folder / "p", folder / "s", OUT)


def test_names_that_would_steer_a_terminal_are_shown_harmlessly():
    assert str(Job(Path("p"), Path("a"), OUT / "\x1b[2J\n\udcff.mp4")) == "?[2J??.mp4"


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_fields_may_stand_between_what_spreadsheets_write(listed, between):
    rows = ["source,audio,output,motion.seed", "p.jpg,s/one.wav,first.mp4,3", '"p;q.jpg",s/two.wav,,']
    jobs = listed("jobs.csv", "\n".join(row.replace(",", between) for row in rows))
    assert [(job.source.name, job.output.name, job.over) for job in jobs] == [
        ("p.jpg", "first.mp4", {"motion": {"seed": 3}}),
        ("p;q.jpg", "p;q_two.mp4", {}),
    ]
