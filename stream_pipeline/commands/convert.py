"""`ditto convert`: a folder of ONNX files as TensorRT engines."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfg.errors import ConfigError, ModelError, did_you_mean
from cfg.install_hints import installing
from stream_pipeline.options.paths import WrittenPath

if TYPE_CHECKING:
    from ditto.packs.official.tensorrt_engines import Conversion, Outcome
    from model_formats.compare import Comparison

HELP_PRECISION = "of single networks, e.g. decoder=fp32 (default: fp32 for motion and speech, else fp16)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give("--onnx_dir", "--onnx-dir", required=True, metavar="DIR", help="where the .onnx files are")
    give(
        "--trt_dir",
        "--trt-dir",
        type=WrittenPath,
        required=True,
        metavar="DIR",
        help="where the engines go",
    )
    give("--only", nargs="+", default=[], metavar="NAME", help="these networks only, e.g. decoder warp_frame")
    give("--library", choices=("tensorrt", "tensorrt_rtx"), help="default: the first that is installed")
    give("--device", default="cuda", metavar="DEVICE", help="cuda or cuda:1 (default: cuda)")
    give("--precision", nargs="+", default=[], metavar="NAME=P", help=HELP_PRECISION)
    give("--batch", type=int, default=1, help="frames or windows at once, at most (default: 1)")
    give("--range", nargs="+", default=[], metavar="AXIS=MIN,USUAL,MAX", help="sizes of other open axes")
    give("--newer-gpus", action="store_true", help="engines that newer GPUs take too, from Ampere on")
    give("--tf32", action="store_true", help="let fp32 products be rounded to 10 bits: faster, coarser")
    give("--effort", type=int, default=5, choices=range(6), help="of the search for kernels (default: 5)")
    give("--workspace", type=int, metavar="MIB", help="memory a kernel may use (default: all)")
    give("--force", action="store_true", help="build engines again that are there and fit")
    give("--verify", action="store_true", help="run each engine beside ONNX Runtime; needs the GPU")
    give("--verify-graph", action="store_true", help="the same for the rewritten graph; needs no GPU")


def convert(parsed: argparse.Namespace) -> int:
    source, to = Path(parsed.onnx_dir), Path(parsed.trt_dir)
    paths = chosen(source, parsed.only)
    conversion = prepare(parsed, to, [path.stem for path in paths])
    if parsed.verify:
        conversion.require_gpu()
    to.mkdir(parents=True, exist_ok=True)
    far = []
    for number, path in enumerate(paths, 1):
        began = time.perf_counter()
        show = Progress(f"[{number}/{len(paths)}] {path.stem}")
        outcome = conversion.convert(path, show.step)
        show.done(f"{'built' if outcome.built else 'kept '}  {time.perf_counter() - began:6.1f} s", outcome)
        far += [path.stem] * checked(conversion, path, outcome, parsed)
    if far:
        raise ModelError(
            f"{', '.join(far)}: further from the ONNX file than allowed; try --precision NAME=fp32"
        )
    print(f"{len(paths)} engines in {to}")
    return 0


def chosen(source: Path, only: list[str]) -> list[Path]:
    """The .onnx files of a folder, or those of them that were named."""
    if not source.is_dir():
        raise ConfigError(f"--onnx_dir {source}: no such folder")
    found = {path.stem: path for path in sorted(source.glob("*.onnx"))}
    if not found:
        raise ConfigError(f"--onnx_dir {source}: no .onnx file in it")
    for name in only:
        if name not in found:
            raise ConfigError(f"--only {name}: no such file in {source}{did_you_mean(name, found)}")
    return [path for name, path in found.items() if not only or name in only]


def prepare(parsed: argparse.Namespace, to: Path, names: list[str]) -> Conversion:
    from model_formats.tensorrt_library import LIBRARIES, find_library

    library = find_library((parsed.library,) if parsed.library else LIBRARIES, "converting")
    try:
        from ditto.packs.official.tensorrt_engines import Conversion
        from model_formats.tensorrt_build import Recipe
    except ImportError as error:
        raise ConfigError(f"converting needs onnx: {installing('trt')} ({error})") from error
    if not 1 <= parsed.batch <= 64:
        raise ConfigError(f"--batch is {parsed.batch}, but must be from 1 to 64")
    kind, _, index = parsed.device.partition(":")
    if kind != "cuda" or not (index or "0").isdecimal():
        raise ConfigError(f"--device {parsed.device}: engines are built for a GPU, cuda or cuda:1")
    recipe = Recipe(
        precision="fp16",
        ranges={"batch": (1, 1, parsed.batch), **ranges(parsed.range)},
        newer_gpus=parsed.newer_gpus,
        tf32=parsed.tf32,
        effort=parsed.effort,
        workspace=parsed.workspace,
    )
    return Conversion(
        library,
        to,
        recipe,
        device=int(index or 0),
        precisions=precisions(parsed.precision, names),
        force=parsed.force,
    )


def ranges(words: list[str]) -> dict[str, Any]:
    """`steps=1,50,100` as a table."""
    table = {}
    for word in words:
        axis, _, sizes = word.partition("=")
        numbers = [int(n) for n in sizes.split(",") if n.strip().isdecimal()]
        if not axis or len(numbers) != 3 or not 1 <= numbers[0] <= numbers[1] <= numbers[2]:
            raise ConfigError(f"--range {word}: should be like steps=1,50,100, in rising order")
        table[axis] = tuple(numbers)
    return table


def precisions(words: list[str], names: list[str]) -> dict[str, Any]:
    """`decoder=fp32` as a table."""
    table = {}
    for word in words:
        name, _, precision = word.partition("=")
        if name not in names:
            raise ConfigError(
                f"--precision {word}: nothing of that name is converted{did_you_mean(name, names)}"
            )
        if precision not in ("fp16", "fp32"):
            raise ConfigError(f"--precision {word}: fp16 or fp32")
        table[name] = precision
    return table


def checked(conversion: Conversion, path: Path, outcome: Outcome, parsed: argparse.Namespace) -> bool:
    """Whether what was asked to be verified is too far off; prints a line for each output."""
    far = False
    if parsed.verify_graph:
        far = told("graph", conversion.compare_graph(path))
    if parsed.verify:
        far = told("engine", conversion.compare_engine(path, outcome)) or far
    return far


def told(what: str, comparison: Comparison) -> bool:
    for apart in comparison.outputs:
        print(
            f"    {what:6} {apart.output:24} largest {apart.largest:.1e}  mean {apart.mean:.1e}  "
            f"allowed {apart.allowed:.0e}: {'TOO FAR' if apart.too_far else 'ok'}"
        )
    if comparison.too_far:
        print(comparison.table)
    return comparison.too_far


class Progress:
    """One line for each network, with the phase under way where somebody looks."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = sys.stdout.isatty()

    def step(self, phase: str, done: int, total: int) -> None:
        if self._live:
            print(f"\r{self._title:34} {phase[:40]} {done}/{total}\x1b[K", end="", flush=True)

    def done(self, words: str, outcome: Outcome) -> None:
        size = outcome.engine.stat().st_size / 1e6
        line = f"{self._title:34} {words} {size:8.1f} MB  {outcome.engine.name}"
        print(f"\r{line}\x1b[K" if self._live else line)
