"""Options of a render for finished pictures: blending, enhancers, how they are coded."""

from __future__ import annotations

import argparse
from typing import Any

from cfg.errors import ConfigError
from cfg.settings import BLEND_MODES, BLEND_REGIONS, PRESETS


def add_picture_arguments(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give("--blend-mode", choices=BLEND_MODES, help="how the painted face meets the source (default blend)")
    give("--blend-alpha", type=float, metavar="0..1", help="share of the painted face, with mode 'custom'")
    give("--blend-region", choices=BLEND_REGIONS, help="where it is painted at all (default head)")
    give("--blend-feather", type=float, metavar="0..0.5", help="width of a region's soft edge, face heights")
    give("--match-colours", action="store_true", help="take the source's colour along the region's edge")
    give("--show-mask", action="store_true", help="show in green how strongly the painted face covers")
    give("--crf", type=int, help="H.264 quality, 0 best to 51 (default 18)")
    give("--bitrate", type=int, help="bits a second instead of a quality")
    give("--encoder-preset", choices=PRESETS, help="encoder effort (default portrait, made for one face)")
    give("--enhancer", metavar="NAME", help="none, sharpen, gfpgan, restoreformer or codeformer")
    give("--enhancer-model", metavar="FILE.onnx", help="network of the enhancer")
    give("--enhancer-strength", type=float, help="share of what the enhancer changes, 0 to 1 (default 1)")
    give("--fidelity", type=float, help="codeformer: 0 restores most, 1 stays nearest (default 0.7)")
    give("--background-upscaler", metavar="FILE.onnx", help="super-resolution network for the whole picture")
    give("--tile-size", type=int, help="pixels of the upscaler's tiles (default 256)")
    give("--no-enhance", action="store_true", help="no enhancer and no upscaler, whatever the preset says")
    give("--resume", action="store_true", help="keep what is finished if cut short, and go on from it")
    give("--overwrite", action="store_true", help="write pictures into a folder that holds other files too")


def picture_overrides(parsed: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """What was said, as nested settings; None where nothing was."""
    return {
        "blend": {
            "mode": parsed.blend_mode,
            "alpha": parsed.blend_alpha,
            "region": parsed.blend_region,
            "feather": parsed.blend_feather,
            "match_colours": parsed.match_colours or None,
            "show_mask": parsed.show_mask or None,
        },
        "enhance": enhancement(parsed),
        "output": {
            "crf": parsed.crf,
            "bitrate": parsed.bitrate,
            "preset": parsed.encoder_preset,
            "resume": parsed.resume or None,
            "overwrite": parsed.overwrite or None,
        },
    }


def enhancement(parsed: argparse.Namespace) -> dict[str, Any]:
    given = {
        "enhancer": parsed.enhancer,
        "model": parsed.enhancer_model,
        "strength": parsed.enhancer_strength,
        "fidelity": parsed.fidelity,
        "upscaler": parsed.background_upscaler,
        "tile_size": parsed.tile_size,
    }
    if not parsed.no_enhance:
        return given
    if any(value is not None for value in given.values()):
        raise ConfigError("--no-enhance leaves no enhancer; leave it or the enhancer's options away")
    return {"enhancer": "none", "upscaler": ""}
