"""`ditto export`: the official networks as ONNX files, single and in halves."""

from __future__ import annotations

import argparse
from pathlib import Path

from cfg.errors import ConfigError, ModelError, did_you_mean
from cfg.install_hints import installing
from cfg.official import read_official
from cfg.reading import built_in
from stream_pipeline.options.paths import WrittenPath, inputs_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give(
        "--data_root", "--data-root", required=True, metavar="DIR", help="official checkpoints, ditto_pytorch"
    )
    give("--cfg_pkl", "--cfg-pkl", metavar="FILE", help="their configuration (default: the published names)")
    give("--to", type=WrittenPath, required=True, metavar="DIR", help="where the .onnx files go")
    give("--only", nargs="+", default=[], metavar="NAME", help="these files only, e.g. decoder lmdm_step")
    give("--hubert", metavar="DIR", help="speech encoder in the layout of transformers, in place of a file")
    give("--verify", action="store_true", help="run each file beside PyTorch, at other sizes too")


def export(parsed: argparse.Namespace) -> int:
    try:
        from ditto.packs.official.export import Exporter, found_files, write_manifest
    except ImportError as error:
        raise ConfigError(f"exporting needs PyTorch: {installing('export')} ({error})") from error
    root, to = Path(parsed.data_root), Path(parsed.to)
    if parsed.cfg_pkl:
        named = read_official(Path(parsed.cfg_pkl), root)["pack"]["files"]
    else:
        named = built_in("ditto_torch")["pack"]["files"]
    if parsed.hubert:
        if not Path(parsed.hubert).is_dir():
            raise ConfigError(f"--hubert {parsed.hubert}: no such folder")
        named["hubert"] = parsed.hubert
    exporter = Exporter(found_files(root, named), to, verify=parsed.verify, inputs=inputs_of(parsed))
    known = exporter.names()
    for name in parsed.only:
        if name not in known:
            raise ConfigError(
                f"--only {name}: nothing of that name can be written{did_you_mean(name, known)}"
            )
    to.mkdir(parents=True, exist_ok=True)
    wrong, chosen = [], [name for name in known if not parsed.only or name in parsed.only]
    for name in chosen:
        one = exporter.write(name)
        write_manifest(to, one)
        wrong += [name] * one.too_far
        print(f"{name:22} {one.path.stat().st_size / 1e6:7.1f} MB  {said(one.largest, one.tolerance)}")
    if wrong:
        raise ModelError(f"{', '.join(wrong)}: further from PyTorch than allowed; do not use these files")
    print(f"{len(chosen)} files in {to}")
    return 0


def said(largest: float | None, tolerance: float | None) -> str:
    """Sentence on how near a graph is to its network."""
    if largest is None or tolerance is None:
        return ""
    verdict = "ok" if largest <= tolerance else "TOO FAR"
    return f"largest difference {largest:.1e} of {tolerance:.0e} allowed: {verdict}"
