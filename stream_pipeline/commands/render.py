"""`ditto render` and `inference.py`: a portrait and a voice to a video."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from cfg.errors import ConfigError, StageError
from cfg.preset import ORDER, preset, purpose
from cfg.reading import merge
from cfg.settings import Settings
from ditto.media.encode import check_output
from ditto.media.files import check_named, existing, is_folder
from ditto.media.inputs import Inputs
from ditto.media.streamed import check_streamable
from ditto.media.video_formats import named
from ditto.rates import SAMPLES_PER_FRAME
from stream_pipeline.commands.loading import garbage_collection_disabled, leave_cores_to_stages
from stream_pipeline.commands.option_notes import option_notes
from stream_pipeline.commands.pipe import Pipe, video_on_standard_output
from stream_pipeline.commands.progress import ProgressBar
from stream_pipeline.commands.running import EXIT_FAILED
from stream_pipeline.options.effects import Render
from stream_pipeline.options.paths import inputs_of
from stream_pipeline.options.table import add_options, overrides, told_by_option

OWN_SOUND = "source"  # in place of a sound file
STREAM = "-"  # in place of an output file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(parser)


def render(parsed: argparse.Namespace) -> int:
    if parsed.output != STREAM or parsed.list_presets:
        return rendered(parsed, None)
    with video_on_standard_output() as stream:
        try:
            return rendered(parsed, stream)
        except StageError:
            if stream.left:  # whoever watches, such as a player, has seen enough
                return EXIT_FAILED
            raise


def rendered(parsed: argparse.Namespace, stream: Pipe | None) -> int:
    """Renders to a stream, or to the file that the command line names."""
    from ditto.media.speak import speak
    from stream_pipeline.engine import Engine, read

    if parsed.list_presets:
        print("\n".join(f"{name:13} {purpose(name)}" for name in ORDER))
        return 0
    check_given(parsed)
    began = time.perf_counter()
    leave_cores_to_stages()
    settings = settings_from(parsed)
    check_files(parsed, settings)
    existing(parsed.source, "portrait")
    output: Path | Pipe = stream or file_named(parsed, settings)
    if isinstance(output, Pipe):
        check_streamable(settings.output)
    voice = parsed.source if parsed.audio == OWN_SOUND else parsed.audio
    sound = speak(parsed.say) if parsed.say else read(voice, settings)
    with garbage_collection_disabled():
        engine = Engine.load(settings)
    with engine:
        with garbage_collection_disabled():
            avatar = engine.register(parsed.source)
        if not parsed.quiet:
            frames = -(-sound.length // SAMPLES_PER_FRAME)
            begun = Render(parsed, settings, avatar.is_image, frames, sound.level)
            for note in (*(f"{parsed.source}: {w}" for w in avatar.first.warnings), *option_notes(begun)):
                print(f"note: {note}", file=sys.stderr)
        bar = ProgressBar(quiet=parsed.quiet)
        report = engine.render(avatar, sound, output, progress=bar)
        bar.finish()
    took = time.perf_counter() - began
    seconds = float(report.frames / settings.output.fps)
    pace = f"{seconds:.2f} s of video in {took:.1f} s ({seconds / took:.2f} x real time)"
    if not parsed.quiet:
        print(f"{report.path}: {report.frames} frames, {pace}")
    if parsed.profile:
        print(report.profile())
    return 0


def check_given(parsed: argparse.Namespace) -> None:
    """Raises ConfigError that names what a render lacks, or has twice."""
    has = {
        "a portrait (-i)": parsed.source,
        "a voice (-a, or --say with a text)": parsed.audio or parsed.say,
        "an output file (-o)": parsed.output or parsed.result_dir,
    }
    missing = [what for what, given in has.items() if not given]
    if missing:
        raise ConfigError(f"still needed: {' and '.join(missing)}; -h shows all options")
    if parsed.audio and parsed.say:
        raise ConfigError("give one voice: either a sound file (-a) or a text (--say)")
    if parsed.output and parsed.result_dir:
        raise ConfigError("-o and --result_dir both say where the video goes; give one of them")


def file_named(parsed: argparse.Namespace, settings: Settings) -> Path:
    """Output path of the video, checked."""
    from stream_pipeline.engine import in_pieces
    from stream_pipeline.recipe import named_files

    output = output_path(parsed, settings.output.format)
    check_output(output, settings.output, inputs_of(parsed) | Inputs(named_files(settings)))
    in_pieces(output, 0, settings)
    return output


def output_path(parsed: argparse.Namespace, kind: str) -> Path:
    """Output path of the video; a name that does not say its kind is refused."""
    if parsed.result_dir:
        voice = "speech" if parsed.say else Path(parsed.audio).stem
        return named(Path(parsed.result_dir) / f"{Path(parsed.source).stem}_{voice}.mp4", kind)
    if not is_folder(Path(parsed.output)):
        check_named(parsed.output, kind)
    return named(Path(parsed.output), kind)


def settings_from(parsed: argparse.Namespace) -> Settings:
    """The settings a command line asks for."""
    from stream_pipeline.configuration import settings_of

    if parsed.config and parsed.cfg_pkl:
        raise ConfigError("--config and --cfg_pkl both name a configuration; give one of them")
    if parsed.cfg_pkl and parsed.data_root and not Path(parsed.cfg_pkl).exists():
        raise ConfigError(
            f"{parsed.cfg_pkl}: no such file; 'python -m ditto download' fetches the checkpoints"
        )
    said = overrides(parsed)
    with told_by_option(parsed):
        return settings_of(
            parsed.config or "mini",
            data_root=parsed.data_root,
            cfg_pkl=parsed.cfg_pkl,
            over=merge(preset(parsed.preset) if parsed.preset else {}, said),
        )


def check_files(parsed: argparse.Namespace, settings: Settings) -> None:
    """Raises ConfigError or MediaError where something that the settings name is not there."""
    from stream_pipeline.file_checks import check_named

    with told_by_option(parsed):
        check_named(settings)
