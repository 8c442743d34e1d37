"""`ditto render` and `inference.py`: a portrait and a voice to a video."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cfg.errors import ConfigError, StageError
from cfg.preset import ORDER, preset, purpose
from cfg.reading import merge
from cfg.settings import EMOTIONS, LOOPS, NO_FACE, SOLVERS, Settings
from ditto.media.encode import check_output, named
from ditto.media.files import check_named, existing, is_folder
from ditto.media.inputs import Inputs
from ditto.media.streamed import check_streamable
from ditto.motion.emotion import emotion_rows
from ditto.motion.script import Script
from ditto.rates import SAMPLES_PER_FRAME
from stream_pipeline.commands import FAILED, all_staying, inputs_of, leave_cores_to_stages
from stream_pipeline.commands.look_options import add_look_arguments, look_overrides
from stream_pipeline.commands.option_notes import Render, is_given, option_notes
from stream_pipeline.commands.picture_options import add_picture_arguments, picture_overrides
from stream_pipeline.commands.pipe import Pipe, video_on_standard_output
from stream_pipeline.commands.progress import ProgressBar

EYES = ("source", "driven")
STALL_SECONDS = 10.0  # without any movement before --debug-stall speaks
OWN_SOUND = "source"  # in place of a sound file
STREAM = "-"  # in place of an output file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give(
        "-i",
        "--image",
        "--source_path",
        "--source_image",
        dest="source",
        metavar="FILE",
        help="portrait or video of a person",
    )
    give(
        "-a",
        "--audio",
        "--audio_path",
        "--driven_audio",
        dest="audio",
        metavar="FILE",
        help="speech: any sound or video file; 'source' for the source video's own",
    )
    give(
        "-o",
        "--output",
        "--output_path",
        dest="output",
        metavar="FILE",
        help="mp4, mov, mkv, webm, gif, webp; a folder ending in / for PNG files; - for standard output",
    )
    give("--result_dir", "--result-dir", metavar="DIR", help="instead of -o: DIR/portrait_voice.mp4")
    give("--say", metavar="TEXT", help="speak this text instead of --audio (needs the extra 'tts')")
    give("--config", metavar="NAME|FILE", help="built-in configuration or YAML file (default: mini)")
    give("--data_root", "--data-root", metavar="DIR", help="folder of the official checkpoints")
    give(
        "--cfg_pkl", "--cfg-pkl", metavar="FILE", help="configuration that came with the official checkpoints"
    )
    give("--online", action="store_true", help="run the low-latency streaming mode")
    give("--seed", type=int, help="the same seed gives the same video (default 0)")
    give("--device", help="cpu, cuda or cuda:N")
    give("--steps", type=int, help="denoising steps")
    give("--solver", choices=SOLVERS, help="how the official pack's motion is denoised (default ancestral)")
    give("--overlap", type=int, help="frames two motion windows share")
    give(
        "--emotion",
        help=f"0-7 or a name: {', '.join(EMOTIONS)}; several separated by commas are blended; "
        "'happy:0.6' is a weaker one",
    )
    give("--max-size", type=int, help="longest side of the video, pixels")
    give("--face", type=int, help="which face, 0 is the largest")
    give("--start", type=float, help="skip so many seconds of the sound")
    give("--end", type=float, help="stop at this second of the sound")
    give("--normalise", action="store_true", help="bring the voice to an ordinary loudness")
    give("--denoise", action="store_true", help="take steady noise out of the voice")
    give("--fade-in", type=int, help="frames over which motion sets in")
    give("--fade-out", type=int, help="frames over which motion ends")
    give(
        "--ctrl",
        "--script",
        dest="ctrl",
        metavar="FILE",
        help="YAML or JSON script of gestures, emotions and controls over time, or controls by frame",
    )
    give("--smoothing", type=int, metavar="N", help="frames driven head motion is averaged over")
    give("--source-smoothing", type=int, metavar="N", help="frames a video's head pose is averaged over")
    give("--template-frames", type=int, metavar="N", help="of a video, use only the first N frames")
    give(
        "--preserve-motion",
        type=int,
        metavar="N",
        help="of a video, keep head and eyes; the mouth at rest is in its first N frames (default 25)",
    )
    give("--loop", choices=LOOPS, help="when a video ends before the voice (default mirror: back and forth)")
    give("--no-face", choices=NO_FACE, help="frames of a video without a face (default pass: left unchanged)")
    give("--eyes", choices=EYES, help="whose eyes move: a video's own (its default) or driven ones")
    give(
        "--compat", action="store_true", help="repeat the original implementation's numbers, faults included"
    )
    add_look_arguments(parser)
    add_picture_arguments(parser)
    give("--profile", action="store_true", help="print how long each stage worked and waited")
    give(
        "--debug-stall",
        type=float,
        nargs="?",
        const=STALL_SECONDS,
        metavar="SECONDS",
        help=f"print what each stage does whenever nothing has moved for so long (default {STALL_SECONDS:g})",
    )
    give("--quiet", action="store_true", help="print nothing but errors")


def render(parsed: argparse.Namespace) -> int:
    if parsed.output != STREAM or parsed.list_presets:
        return rendered(parsed, None)
    with video_on_standard_output() as stream:
        try:
            return rendered(parsed, stream)
        except StageError:
            if stream.left:  # whoever watches, such as a player, has seen enough
                return FAILED
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
    with all_staying():
        engine = Engine.load(settings)
    with engine:
        with all_staying():
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
    """Where the video goes, once it is known that it may go there."""
    from stream_pipeline.engine import in_pieces
    from stream_pipeline.recipe import named_files

    output = output_path(parsed, settings.output.format)
    check_output(output, settings.output, inputs_of(parsed) | Inputs(named_files(settings)))
    in_pieces(output, 0, settings)
    return output


def output_path(parsed: argparse.Namespace, kind: str) -> Path:
    """Where the video goes; a name that does not say what is to be made is refused."""
    if parsed.result_dir:
        voice = "speech" if parsed.say else Path(parsed.audio).stem
        return named(Path(parsed.result_dir) / f"{Path(parsed.source).stem}_{voice}.mp4", kind)
    if not is_folder(Path(parsed.output)):
        check_named(parsed.output, kind)
    return named(Path(parsed.output), kind)


def settings_from(parsed: argparse.Namespace) -> Settings:
    """The settings a command line asks for."""
    from stream_pipeline.engine import settings_of

    if parsed.config and parsed.cfg_pkl:
        raise ConfigError("--config and --cfg_pkl both name a configuration; give one of them")
    if parsed.cfg_pkl and parsed.data_root and not Path(parsed.cfg_pkl).exists():
        raise ConfigError(
            f"{parsed.cfg_pkl}: no such file; 'python -m ditto download' fetches the checkpoints"
        )
    said = overrides(parsed)
    with named_by_option(parsed, said):
        return settings_of(
            parsed.config or "mini",
            data_root=parsed.data_root,
            cfg_pkl=parsed.cfg_pkl,
            over=merge(preset(parsed.preset) if parsed.preset else {}, said),
        )


def check_files(parsed: argparse.Namespace, settings: Settings) -> None:
    """Raises ConfigError or MediaError where something that the settings name is not there."""
    from stream_pipeline.checking import check_named

    with named_by_option(parsed, overrides(parsed)):
        check_named(settings)


@contextmanager
def named_by_option(parsed: argparse.Namespace, said: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Errors about a setting begin with the option it was given by."""
    try:
        yield
    except ConfigError as error:
        option = option_behind(str(error), parsed, said)
        if not option:
            raise
        raise ConfigError(f"{option}: {error}") from error


def option_behind(message: str, parsed: argparse.Namespace, said: Mapping[str, Mapping[str, Any]]) -> str:
    """The option that gave the setting a message begins with; '' where none did."""
    group, _, name = message.partition(" ")[0].partition(".")
    if name not in said.get(group, {}):
        return ""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for action in parser._actions:
        if is_given(getattr(parsed, action.dest, None)):
            without = overrides(argparse.Namespace(**{**vars(parsed), action.dest: None}))
            if name not in without.get(group, {}):
                return next(word for word in action.option_strings if word.startswith("--"))
    return ""


def overrides(parsed: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """What was said on the command line, as nested settings; what was not said is left out."""
    said: dict[str, dict[str, Any]] = {
        "pack": {"device": parsed.device},
        "source": {
            "max_size": parsed.max_size,
            "face": parsed.face,
            "template_frames": parsed.template_frames,
            "neutral_frames": parsed.preserve_motion,
            "smoothing": parsed.source_smoothing,
            "loop": parsed.loop,
            "no_face": parsed.no_face,
        },
        "audio": {
            "start": parsed.start,
            "end": parsed.end,
            "normalise": parsed.normalise or None,
            "denoise": parsed.denoise or None,
        },
        "condition": {"emotion": emotion(parsed.emotion)},
        "motion": {
            "seed": parsed.seed,
            "steps": parsed.steps,
            "solver": parsed.solver,
            "overlap": parsed.overlap,
            "smoothing": parsed.smoothing,
        },
        "stitch": {
            "fade_in": parsed.fade_in,
            "fade_out": parsed.fade_out,
            "controls": Script.load(parsed.ctrl) if parsed.ctrl else None,
            "drive_eye": None if parsed.eyes is None else parsed.eyes == "driven",
        },
        "stream": {
            "mode": "online" if parsed.online else None,
            "compat": "reference" if parsed.compat else None,
        },
    }
    said = merge(merge(said, look_overrides(parsed)), picture_overrides(parsed))
    kept = {group: {k: v for k, v in values.items() if v is not None} for group, values in said.items()}
    return {group: values for group, values in kept.items() if values}


def emotion(text: str | None) -> Any:
    """A label or a list of labels to blend."""
    if text is None:
        return None
    labels = [int(part) if part.strip().isdecimal() else part.strip() for part in text.split(",")]
    said = labels[0] if len(labels) == 1 else labels
    try:
        emotion_rows(said)
    except ConfigError as error:
        raise ConfigError(f"--emotion {text}: {error}") from error
    return said
