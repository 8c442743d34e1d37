"""`ditto bench`: how fast this machine is, network by network, stage by stage and from end to end.

What is compared with a plain execution is in the repository: `python -m benchmarks.compare`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from cfg.atomic_write import write_whole
from cfg.errors import ConfigError
from cfg.settings import PackSettings, Settings
from ditto.rates import FRAME_RATE, SAMPLE_RATE
from model_formats.backend import Shape
from model_formats.opening import OPENERS, open_model
from stream_pipeline.commands.example_portrait import example_portrait
from stream_pipeline.commands.loading import leave_cores_to_stages
from stream_pipeline.options.paths import WrittenPath

SYLLABLES_PER_SECOND = 4  # a second
WHOLE = "end_to_end"
LIVE_MS = 1000 / FRAME_RATE  # a frame of a live stream
OPEN_SIZES = {"input_values": 6480, "cond": 1103}  # samples of live speech; conditions of one frame
PICTURE_SIDE = 512  # of a network that takes pictures of any size


@dataclass(frozen=True)
class Row:
    """The times of one thing, milliseconds."""

    what: str
    times: list[float]

    def as_json(self) -> dict[str, Any]:
        middle, high = np.percentile(self.times, (50, 95))
        return {"what": self.what, "ms_p50": round(float(middle), 3), "ms_p95": round(float(high), 3)}

    def __str__(self) -> str:
        shown = self.as_json()
        live = f"  {LIVE_MS / shown['ms_p50']:.2f} x real time" if self.what == WHOLE else ""
        return f"{self.what:<28}{shown['ms_p50']:>11.2f}{shown['ms_p95']:>11.2f}{live}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give("--config", "--pack", default="mini", metavar="NAME|FILE", help="as of `render` (default: mini)")
    give("--data_root", "--data-root", metavar="DIR", help="official checkpoints: those that are there")
    give("--cfg_pkl", "--cfg-pkl", metavar="FILE", help="configuration that came with them")
    give("--device", help="cpu, cuda or cuda:N")
    give("--precision", help="fp32, bf16, fp16 or tf32, of .pth files")
    give("--steps", type=int, help="denoising steps")
    give("--threads", type=int, help="of one network call (default: one for each core)")
    give("--portrait", metavar="FILE", help="what is rendered (default: a drawn face)")
    give("--seconds", type=float, default=4.0, help="of speech that are rendered (default 4)")
    give("--repeats", type=int, default=3, help="how often each is timed (default 3)")
    give("--json", type=WrittenPath, metavar="FILE", help="write the rows there as well")


def bench(parsed: argparse.Namespace) -> int:
    from stream_pipeline.configuration import settings_of

    if parsed.repeats < 1 or not parsed.seconds > 0:
        raise ConfigError("--repeats is counted from 1, and --seconds must be above 0")
    portrait = Path(parsed.portrait) if parsed.portrait else example_portrait()
    if not portrait.is_file():
        raise ConfigError(f"--portrait {portrait}: no such file")
    settings = settings_of(
        parsed.config, data_root=parsed.data_root, cfg_pkl=parsed.cfg_pkl, over=overrides(parsed)
    )
    if parsed.json:
        check_rows(Path(parsed.json))
    leave_cores_to_stages()
    print(f"{processor()}, {os.cpu_count()} cores; pack {settings.pack.name} on {settings.pack.device}")
    print(f"{'what':<28}{'p50 ms':>11}{'p95 ms':>11}")
    rows: list[dict[str, Any]] = []
    for row in measured(settings, portrait, parsed.seconds, parsed.repeats):
        print(row, flush=True)
        rows.append(row.as_json())
        if parsed.json:
            write(Path(parsed.json), settings.pack, rows)
    return 0


def overrides(parsed: argparse.Namespace) -> dict[str, Any]:
    """The settings that were named, in their groups."""
    pack = {name: getattr(parsed, name) for name in ("device", "precision", "threads")}
    groups = {"pack": pack, "motion": {"steps": parsed.steps}}
    return {
        group: given
        for group, values in groups.items()
        if (given := {name: value for name, value in values.items() if value is not None})
    }


def measured(settings: Settings, portrait: Path, seconds: float, repeats: int) -> Iterator[Row]:
    """Each network that comes as a file and is there, then, where all are, a render of the portrait."""
    missing = []
    for role, file in settings.pack.files.items():
        path = Path(file) if Path(file).is_file() else Path(settings.pack.root) / file
        if path.suffix in OPENERS and path.is_file():
            yield from network_rows(settings.pack, role, path, repeats)
        elif not path.exists():
            missing.append(role)
    if missing:
        print(f"no render: there is no file for {', '.join(missing)} under {settings.pack.root}")
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from stage_rows(settings, portrait, Path(folder), seconds, repeats)


def network_rows(pack: PackSettings, role: str, path: Path, repeats: int) -> Iterator[Row]:
    """A call of a network, or of each half that it comes in."""
    from ditto.packs.official.pack import TORCH_FILES, graphs_of

    device = "cpu" if role in pack.on_processor else pack.device
    for name, graph in graphs_of(role, path).items():
        described, precision = None, "stored"
        if path.suffix in TORCH_FILES:
            from ditto.packs.official.networks.checkpoint import network as described_as

            described, precision = described_as(role), pack.precision
        network = open_model(graph, device, precision, described, threads=pack.threads or None)  # type: ignore[arg-type]
        try:
            feeds = {key: np.zeros(sizes(key, shape), np.float32) for key, shape in network.inputs.items()}
            yield Row(name, timed(lambda: network.run(feeds), repeats))  # noqa: B023 - called at once
        finally:
            network.close()


def sizes(name: str, shape: Shape) -> tuple[int, ...]:
    """A shape for an input, one where a batch is open."""
    usual = PICTURE_SIDE if len(shape) == 4 else OPEN_SIZES.get(name, 1)
    return tuple(size or (usual if axis else 1) for axis, size in enumerate(shape))


def stage_rows(
    settings: Settings, portrait: Path, folder: Path, seconds: float, repeats: int
) -> Iterator[Row]:
    """Milliseconds a frame of every stage, and of the render as a whole, one value a render."""
    from stream_pipeline.engine import Engine

    times: dict[str, list[float]] = {}
    voice = babble(folder / "voice.wav", seconds)
    with Engine.load(settings) as engine:
        avatar = engine.register(portrait)
        for number in range(repeats + 1):
            began = time.perf_counter()
            report = engine.render(avatar, voice, folder / "bench.mp4")
            took = time.perf_counter() - began
            if number == 0:
                continue  # what is made on first use
            for stage in report.metrics:
                times.setdefault(stage.name, []).append(1000 * stage.busy / report.frames)
            times.setdefault(WHOLE, []).append(1000 * took / report.frames)
    for what, found in times.items():
        yield Row(what, found)


def timed(call: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds of each call after the first, which warms up."""
    call()
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        took.append(1000 * (time.perf_counter() - began))
    return took


def babble(path: Path, seconds: float) -> Path:
    """A file of noise that swells like syllables, always the same."""
    generator = np.random.default_rng(0)
    count = max(1, round(seconds * SAMPLE_RATE))
    loudness = np.clip(np.sin(np.arange(count) * 2 * np.pi * SYLLABLES_PER_SECOND / SAMPLE_RATE), 0, 1)
    soundfile.write(path, (0.3 * loudness * generator.standard_normal(count)).astype(np.float32), SAMPLE_RATE)
    return path


def processor() -> str:
    """The processor's name, as well as the system tells it."""
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()} ({platform.machine()})"
    return platform.processor() or platform.machine()


def check_rows(path: Path) -> None:
    """Raises ConfigError where a file would be lost that is not of an earlier bench."""
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return
    try:
        known = {"machine", "rows"} <= json.loads(path.read_text(encoding="utf-8")).keys()
    except (OSError, ValueError, AttributeError):
        known = False
    if not known:
        raise ConfigError(
            f"--json {path}: is there, but holds no rows of an earlier bench; name another file"
        )


def write(path: Path, pack: PackSettings, rows: list[dict[str, Any]]) -> None:
    """Writes the rows measured so far, so that a run that is stopped keeps them."""
    machine = {"processor": processor(), "cores": os.cpu_count(), "pack": pack.name, "device": pack.device}
    write_whole(path, json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
