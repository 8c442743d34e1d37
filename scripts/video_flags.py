"""The three scripts for video sources, whose flags are put into those of `inference.py`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cfg.settings import BLEND_MODES
from stream_pipeline.commands import run_command
from stream_pipeline.commands.render import add_arguments as add_render_arguments
from stream_pipeline.commands.render import render
from stream_pipeline.options.paths import InputPath, WrittenPath


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a script, and the option it stands for."""

    name: str
    option: str
    help: str
    kind: type = str
    required: bool = False
    choices: tuple[str, ...] | None = None
    default: Any = None
    unset: Any = None  # a value that means the same as not giving the flag
    words: Mapping[str, str] = field(default_factory=dict)  # values that are called otherwise in the option


COMMON = (
    Flag(
        "--source_video",
        "--image",
        "video (or portrait) of the person who is to speak",
        InputPath,
        required=True,
    ),
    Flag("--audio", "--audio", "what is to be said: any sound or video file", InputPath, required=True),
    Flag("--output", "--output", "the video that is written", WrittenPath, required=True),
    Flag("--data_root", "--data_root", "folder of the official checkpoints; the built-in pack without it"),
    Flag("--cfg_pkl", "--cfg_pkl", "configuration that came with them"),
    Flag("--sampling_timesteps", "--steps", "denoising steps", int),
    Flag("--overlap_v2", "--overlap", "frames two motion windows share", int),
    Flag("--smo_k_d", "--smoothing", "frames driven head motion is averaged over", int),
    Flag("--smo_k_s", "--source-smoothing", "frames the source's head pose is averaged over", int),
    Flag("--max_size", "--max-size", "longest side of the video, pixels", int),
    Flag("--emo", "--emotion", "emotion, 0-7 or a name"),
    Flag("--fade_in", "--fade-in", "frames over which motion sets in", int, unset=-1),
    Flag("--fade_out", "--fade-out", "frames over which motion ends", int, unset=-1),
    Flag("--seed", "--seed", "the same seed gives the same video", int),
)
TEMPLATE = Flag("--template_n_frames", "--template-frames", "use only so many first frames", int, unset=-1)
EYES = Flag(
    "--drive_eye",
    "--eyes",
    "whose eyes move: driven ones (true) or the source's",
    choices=("auto", "true", "false"),
    unset="auto",
    words={"true": "driven", "false": "source"},
)
VIDEO = (*COMMON, TEMPLATE, EYES)
PRESERVE_MOTION = (
    *COMMON,
    Flag(
        "--motion_frames",
        "--preserve-motion",
        "the mouth at rest is in so many first frames",
        int,
        default=100,
    ),
)
BLEND_CONTROL = (
    *COMMON,
    TEMPLATE,
    Flag("--blend_mode", "--blend-mode", "how the painted face meets the source", choices=BLEND_MODES),
    Flag("--blend_alpha", "--blend-alpha", "share of the painted face with mode 'custom'", float),
)


def run(program: str, purpose: str, flags: Sequence[Flag], arguments: Sequence[str] | None = None) -> int:
    """The exit code of a script with these flags."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        for flag in flags:
            parser.add_argument(
                flag.name,
                type=flag.kind,
                required=flag.required,
                choices=flag.choices,
                default=flag.default,
                help=flag.help,
            )

    def command(parsed: argparse.Namespace) -> int:
        return render(_render_arguments(flags, parsed))

    return run_command(program, purpose, add_arguments, command, arguments)


def _render_arguments(flags: Sequence[Flag], parsed: argparse.Namespace) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_render_arguments(parser)
    said: list[str] = []
    for flag in flags:
        value = getattr(parsed, flag.name.removeprefix("--"))
        if value is not None and value != flag.unset:
            said.append(f"{flag.option}={flag.words.get(value, value)}")
    return parser.parse_args(said)
