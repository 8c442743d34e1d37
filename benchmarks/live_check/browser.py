"""Chromium with a microphone that is a file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def program() -> str | None:
    """Chromium of this machine: the one that CHROMIUM names, or one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def launched(playwright: Playwright, file: str, microphone: Path) -> Browser:
    """Chromium, which hears a sound file over and over where a page opens the microphone."""
    return playwright.chromium.launch(
        executable_path=file,
        args=[
            *("--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
            f"--use-file-for-fake-audio-capture={microphone}",
        ],
    )
