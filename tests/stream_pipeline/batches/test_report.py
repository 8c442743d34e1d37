"""The report of a batch: numbers for programs, a page that is safe and shows every video."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from cfg.errors import MediaError
from cfg.settings import OutputSettings
from ditto.media.encode import open_sink
from stream_pipeline.batches.jobs import Job
from stream_pipeline.batches.report import write_report
from stream_pipeline.batches.running import Outcome


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def attributes(self, tag, name):
        return [attrs[name] for found, attrs in self.tags if found == tag and name in attrs]


@pytest.fixture
def written(tmp_path):
    """written(*outcomes): the page, and the numbers."""

    def make(*outcomes):
        page = write_report(outcomes, tmp_path, 12.3)
        return Page(page.read_text("utf-8")), json.loads((tmp_path / "report.json").read_text("utf-8"))

    return make


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "some folder" / "é & b.mp4"
    sink = open_sink(path, (64, 48), None, OutputSettings(preset="ultrafast"))
    for index in range(10):
        sink.write(np.full((64, 48, 3), 120, np.uint8), index)
    sink.close()
    return path


def job(output):
    return Job(Path("p.jpg"), Path("<b>a</b>.wav"), output)


def test_each_video_has_a_picture_and_a_link(written, video):
    page, data = written(Outcome(job(video), "done", 10, 1.5), Outcome(job(video), "kept", 10, 1.5))
    images = page.attributes("img", "src")
    assert len(images) == 2
    assert all(image.startswith("data:image/jpeg;base64,") for image in images)
    assert set(page.attributes("a", "href")) == {"some%20folder/%C3%A9%20%26%20b.mp4"}
    assert (data["videos"], data["done"], data["kept"], data["failed"]) == (2, 1, 1, 0)
    assert data["jobs"][0]["frames"] == 10


def test_a_failure_says_why_and_nothing_in_it_is_taken_for_markup(written, tmp_path):
    bad = Outcome(job(tmp_path / "x.mp4"), "failed", error="<script>alert(1)</script>")
    page, data = written(bad)
    assert "<script>alert(1)</script>" in page.words
    assert not page.attributes("img", "src")
    assert "script" not in [tag for tag, _ in page.tags]
    assert "b" not in [tag for tag, _ in page.tags]
    assert data["jobs"][0]["error"] == "<script>alert(1)</script>"


def test_a_video_that_cannot_be_opened_has_no_picture(written, tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"nothing")
    page, _ = written(Outcome(job(tmp_path / "x.mp4"), "done", 10, 1.0))
    assert not page.attributes("img", "src")


def test_names_that_are_no_text_are_shown_and_linked_all_the_same(written, tmp_path):
    strange = tmp_path / "a\n\udcff\x1b.mp4"
    page, data = written(Outcome(job(strange), "done", 10, 1.0))
    assert "a???.mp4" in page.words
    assert page.attributes("a", "href") == ["a%0A%FF%1B.mp4"]
    assert data["jobs"][0]["output"] == str(strange)


def test_a_huge_batch_shows_failures_first_and_says_what_it_leaves_out(written, tmp_path, monkeypatch):
    monkeypatch.setattr("stream_pipeline.batches.report.MAX_CARDS", 2)
    fine = [Outcome(job(tmp_path / f"{n}.mp4"), "done", 10, 1.0) for n in range(3)]
    page, data = written(*fine, Outcome(job(tmp_path / "x.mp4"), "failed", error="no face"))
    assert [name for name in page.words if name.endswith(".mp4")] == ["x.mp4", "0.mp4"]
    assert any("2 that are not shown here" in words for words in page.words)
    assert len(data["jobs"]) == 4


def test_a_folder_that_cannot_hold_the_report_is_named(tmp_path):
    with pytest.raises(MediaError, match=r"report\.json: cannot be written"):
        write_report([], tmp_path / "none", 1.0)
