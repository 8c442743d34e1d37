"""Starts the live server, joins it with Chromium, and judges what is seen and heard there.

One line a judgement: its name, what was measured, what it may be. Ends with 1 where one of them fails.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.live_check.browser import launched, program
from benchmarks.live_check.judgements import Judgement, in_step, judged
from benchmarks.live_check.lips import Lips
from benchmarks.live_check.server import serving
from benchmarks.live_check.visit import Visit
from benchmarks.live_check.voice import visitor, write_wav
from cfg.errors import DittoError, MediaError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live_check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("portraits", nargs="*", help="the first is looked at (default: the bundled one)")
    parser.add_argument("--tries", type=int, default=20, help="interruptions (default: 20)")
    parser.add_argument("--seconds", type=float, default=11, help="of each kind of speech (default: 11)")
    parser.add_argument("--minutes", type=float, default=0, help="of flashes and beeps (default: 12 seconds)")
    parsed = parser.parse_args()
    try:
        found = checked(parsed.portraits, parsed.tries, parsed.seconds, parsed.minutes)
    except DittoError as error:
        print(error, file=sys.stderr)
        return 1
    for one in found:
        print(one)
    return 0 if all(one.passed for one in found) else 1


def checked(portraits: list[str], tries: int, seconds: float, minutes: float) -> list[Judgement]:
    """Judgements on the live server of these portraits, and on its transport with a face without networks."""
    file = program()
    if file is None:
        raise MediaError("no Chromium: install Debian's package chromium, or name one by CHROMIUM")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ending:
        voice = Path(folder) / "microphone.wav"
        write_wav(visitor(), voice)
        lips = ending.enter_context(contextlib.closing(Lips()))
        playwright = ending.enter_context(sync_playwright())
        browser = ending.enter_context(contextlib.closing(launched(playwright, file, voice)))
        with serving("--mock") as url:
            offsets = Visit(browser, url, lips).flashes(minutes)
        with serving(*portraits) as url:
            recording = Visit(browser, url, lips).record(tries, seconds)
        return [in_step(offsets), *judged(recording, lips)]


if __name__ == "__main__":
    sys.exit(main())
