"""Options of a render that change how it looks: presets, style, framing, background, file format."""

from __future__ import annotations

import argparse
from typing import Any

from cfg.settings import FRAMINGS, KINDS, RATES, shown_rate

ROTATIONS = ("on", "off")


def add_look_arguments(parser: argparse.ArgumentParser) -> None:
    def give(name: str, **more: Any) -> None:
        """An option, also under the name with underscores that other programs have for it."""
        parser.add_argument(*dict.fromkeys((name, "--" + name[2:].replace("-", "_"))), **more)

    give("--preset", metavar="NAME[,NAME]", help="named settings under the other options; see --list-presets")
    give("--list-presets", action="store_true", help="say what presets there are")
    give("--expression-scale", type=float, metavar="0.5..2", help="size of what lips and brows do")
    give("--pose-style", type=int, metavar="0..45", help="style of head motion; 0 is the pack's own")
    give("--still", action="store_true", help="the head barely moves; lips, eyes and blinks go on")
    give(
        "--identity-weight",
        type=float,
        metavar="0..1",
        help="how far head and face return to the portrait's own pose and look",
    )
    give("--ref-eyeblink", metavar="VIDEO", help="take the blinks from this video")
    give("--ref-pose", metavar="VIDEO", help="take the head's motion from this video")
    for angle in ("yaw", "pitch", "roll"):
        give(
            f"--input-{angle}",
            type=float,
            nargs="+",
            metavar="DEGREES",
            help=f"{angle} away from the portrait's, spread over the video's length and eased",
        )
    give("--preprocess", choices=FRAMINGS, help="what the video shows (default full)")
    give("--size", metavar="PIXELS", help="side of the square or longest side of the video, or 'source'")
    give("--aspect", metavar="W:H", help="cut or pad the picture around the face, such as 16:9, 9:16, 1:1")
    give("--aspect-fit", choices=("crop", "pad"), help="how --aspect is reached (default crop)")
    give("--crop-scale", type=float, help="size of the square around the face, in face sizes (default 2.3)")
    give("--crop-vx", type=float, metavar="SHARE", help="move that square to the right, in its own sizes")
    give("--crop-vy", type=float, metavar="SHARE", help="move it down (default -0.125)")
    give("--crop-rotate", choices=ROTATIONS, help="official pack: its square follows the tilt (default on)")
    give(
        "--fps",
        metavar="RATE",
        help=f"frames a second, of interpolated motion: {', '.join(map(shown_rate, RATES))} (default 25)",
    )
    give("--format", choices=KINDS, help="kind of file, whatever the output's name says")
    give(
        "--background",
        metavar="WHAT",
        help="transparent, blur, a colour (green, #20a040) or a picture file",
    )
    give("--match-light", action="store_true", help="bring the painted face to the light of the picture")
    give("--precision", choices=("fp32", "tf32", "fp16", "bf16"), help="of the PyTorch files (default fp32)")


def look_overrides(parsed: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """What was said, as nested settings; None where nothing was."""
    rotate = None if parsed.crop_rotate is None else parsed.crop_rotate == "on"
    return {
        "pack": {"precision": parsed.precision},
        "source": {
            "crop_scale": parsed.crop_scale,
            "crop_vx_ratio": parsed.crop_vx,
            "crop_vy_ratio": parsed.crop_vy,
            "crop_rotate": rotate,
        },
        "style": {
            "expression_scale": parsed.expression_scale,
            "pose_style": parsed.pose_style,
            "still": parsed.still or None,
            "identity_weight": parsed.identity_weight,
            "ref_blink": parsed.ref_eyeblink,
            "ref_pose": parsed.ref_pose,
            "yaw": parsed.input_yaw,
            "pitch": parsed.input_pitch,
            "roll": parsed.input_roll,
        },
        "framing": {
            "preprocess": parsed.preprocess,
            "size": pixels(parsed.size),
            "aspect": parsed.aspect,
            "aspect_fit": parsed.aspect_fit,
        },
        "output": {
            "fps": parsed.fps,
            "format": parsed.format,
            "background": parsed.background,
            "match_light": parsed.match_light or None,
        },
    }


def pixels(text: str | None) -> int | None:
    """A number of pixels; 0 for 'source'."""
    from cfg.errors import ConfigError

    if text is None or text == "source":
        return None if text is None else 0
    if not text.isascii() or not text.isdecimal() or len(text) > 6 or int(text) == 0:
        raise ConfigError(f"--size is '{text}', but must be a number of pixels from 64 to 8192, or 'source'")
    return int(text)
