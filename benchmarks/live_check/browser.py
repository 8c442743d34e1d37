"""Chromium with a microphone that is a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def program() -> str | None:
    """Chromium of this machine: the one that CHROMIUM names, or one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium(file: str, voice: Path) -> Iterator[Browser]:
    """Whoever opens its microphone hears `voice`, over and over."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=file,
            args=[
                *("--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
                f"--use-file-for-fake-audio-capture={voice}",
            ],
        )
        try:
            yield browser
        finally:
            browser.close()
