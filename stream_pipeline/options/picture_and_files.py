"""Options for the picture, the file it is written to, and the networks that make it."""

from __future__ import annotations

from cfg.frame_rates import RATES, shown_rate
from cfg.settings import BLEND_MODES, BLEND_REGIONS, FRAMINGS, KINDS, PRECISIONS, PRESETS, SOLVERS
from stream_pipeline.options.effects import (
    BLEND_EDGE,
    BLEND_REGION,
    CUT_OUT,
    ENHANCER,
    FACE_SQUARE,
    RESTORER,
    UPSCALER,
    WIDER_SQUARE,
)
from stream_pipeline.options.option import Option, Section
from stream_pipeline.options.values import pixels

ON_OFF = {"on": True, "off": False}

FRAMING = (
    Option(
        flags=("--preprocess",),
        setting="framing.preprocess",
        choices=FRAMINGS,
        effects=(WIDER_SQUARE,),
        help="what the video shows",
        more="See below",
    ),
    Option(
        flags=("--size",),
        setting="framing.size",
        metavar="PIXELS",
        to_setting=pixels,
        default="source",
        help="side of the square or longest side of the video, from 64 to 8192, or 'source'",
        more="H.264 needs even sides and gets one pixel more",
    ),
    Option(
        flags=("--aspect",),
        setting="framing.aspect",
        metavar="W:H",
        help="cut or pad the picture around the face, such as 16:9, 9:16, 1:1",
        more="With `crop` and `extcrop` the smallest picture of that ratio that holds the square",
    ),
    Option(
        flags=("--aspect-fit",),
        setting="framing.aspect_fit",
        choices=("crop", "pad"),
        help="how --aspect is reached: cut, or widened by a still blur of the picture",
    ),
    Option(
        flags=("--crop-scale",),
        setting="source.crop_scale",
        type=float,
        metavar="SIZES",
        effects=(FACE_SQUARE,),
        help="size of the square around the face, in face sizes",
    ),
    Option(
        flags=("--crop-vx",),
        setting="source.crop_vx_ratio",
        type=float,
        metavar="SHARE",
        effects=(FACE_SQUARE,),
        help="move that square to the right, in its own sizes",
    ),
    Option(
        flags=("--crop-vy",),
        setting="source.crop_vy_ratio",
        type=float,
        metavar="SHARE",
        effects=(FACE_SQUARE,),
        help="move that square down, in its own sizes",
    ),
    Option(
        flags=("--crop-rotate",),
        setting="source.crop_rotate",
        choices=tuple(ON_OFF),
        to_setting=ON_OFF.__getitem__,
        default="on",
        help="whether the square that is painted follows the head's tilt",
    ),
    Option(
        flags=("--max-size",),
        setting="source.max_size",
        type=int,
        metavar="PIXELS",
        help="longest side at which the portrait is worked on; --size acts on what comes out",
    ),
)
FRAMES_A_SECOND = (
    Option(
        flags=("--fps",),
        setting="output.fps",
        metavar="RATE",
        help=f"frames a second, of interpolated motion: {', '.join(map(shown_rate, RATES))}",
    ),
)
BACKGROUND = (
    Option(
        flags=("--background",),
        setting="output.background",
        metavar="WHAT",
        help="transparent, blur, a colour (green, #20a040) or a picture file",
        more="See below",
    ),
    Option(
        flags=("--matting",),
        setting="pack.matting",
        metavar="FILE.onnx",
        effects=(CUT_OUT,),
        help="finer network that tells who stands in front, of MODNet's or RVM's kind",
        more="See below",
    ),
    Option(
        flags=("--match-light",),
        setting="output.match_light",
        switch=True,
        help="bring the painted face to the light of the picture",
    ),
)
BLENDING = (
    Option(
        flags=("--blend-mode",),
        setting="blend.mode",
        choices=BLEND_MODES,
        effects=(BLEND_EDGE,),
        help="how the painted face meets the source",
    ),
    Option(
        flags=("--blend-alpha",),
        setting="blend.alpha",
        type=float,
        metavar="0..1",
        help="share of the painted face, with mode 'custom'",
    ),
    Option(
        flags=("--blend-region",),
        setting="blend.region",
        choices=BLEND_REGIONS,
        help="where it is painted at all",
    ),
    Option(
        flags=("--blend-feather",),
        setting="blend.feather",
        type=float,
        metavar="0..0.5",
        effects=(BLEND_REGION,),
        help="width of a region's soft edge, face heights",
    ),
    Option(
        flags=("--match-colours",),
        setting="blend.match_colours",
        switch=True,
        effects=(BLEND_REGION,),
        help="take the source's colour along the region's edge",
    ),
    Option(
        flags=("--show-mask",),
        setting="blend.show_mask",
        switch=True,
        help="show in green how strongly the painted face covers",
    ),
)
ENHANCERS = (
    Option(
        flags=("--enhancer",),
        setting="enhance.enhancer",
        metavar="NAME",
        help="none, sharpen, gfpgan, restoreformer or codeformer",
    ),
    Option(
        flags=("--enhancer-model",),
        setting="enhance.model",
        metavar="FILE.onnx",
        effects=(ENHANCER,),
        help="network of the enhancer",
    ),
    Option(
        flags=("--enhancer-strength",),
        setting="enhance.strength",
        type=float,
        metavar="0..1",
        effects=(ENHANCER,),
        help="share of what the enhancer changes",
    ),
    Option(
        flags=("--fidelity",),
        setting="enhance.fidelity",
        type=float,
        metavar="0..1",
        effects=(ENHANCER, RESTORER),
        help="codeformer: 0 restores most, 1 stays nearest",
    ),
    Option(
        flags=("--background-upscaler",),
        setting="enhance.upscaler",
        metavar="FILE.onnx",
        help="super-resolution network for the whole picture",
    ),
    Option(
        flags=("--tile-size",),
        setting="enhance.tile_size",
        type=int,
        metavar="PIXELS",
        effects=(UPSCALER,),
        help="side of the upscaler's tiles",
    ),
    Option(
        flags=("--no-enhance",),
        switch=True,
        stands_for={"enhance": {"enhancer": "none", "upscaler": ""}},
        help="no enhancer and no upscaler, whatever a preset or a configuration says",
    ),
)
FILES = (
    Option(
        flags=("--format",),
        setting="output.format",
        choices=KINDS,
        help="kind of file, whatever the output's name says",
        more="`-o a.mp4 --format webm` writes `a.webm`. A GIF counts in hundredths of a second and is shown "
        "evenly at 25 and 50 frames a second only",
    ),
    Option(
        flags=("--crf",),
        setting="output.crf",
        type=int,
        metavar="0..51",
        help="H.264 quality, 0 best to 51",
        measured="4 s of Hopper: 1276 kB at 12, 573 at 18, 149 at 28",
    ),
    Option(
        flags=("--bitrate",),
        setting="output.bitrate",
        type=int,
        metavar="N",
        help="bits a second instead of a quality",
        measured="at 500000, 247 kB; at 2000000, 956",
    ),
    Option(
        flags=("--encoder-preset",),
        setting="output.preset",
        choices=PRESETS,
        help="encoder effort; portrait is made for one face before a still background, the others are x264's",
        measured="at crf 18 `ultrafast` 1843 kB, `veryfast` 413, `slow` 442",
    ),
    Option(
        flags=("--resume",),
        setting="output.resume",
        switch=True,
        help="keep what is finished if cut short, and go on from it",
        more="[recipes.md](recipes.md#hours-of-speech)",
        measured="the same bytes as undisturbed",
    ),
    Option(
        flags=("--overwrite",),
        setting="output.overwrite",
        switch=True,
        help="write pictures into a folder that holds other files too",
        more="That is refused otherwise. Pictures of the same numbers are replaced, no other file is removed",
    ),
)
NETWORKS = (
    Option(
        flags=("--data_root",),
        metavar="DIR",
        help="folder of the official checkpoints",
        more="[checkpoints.md](checkpoints.md)",
    ),
    Option(
        flags=("--cfg_pkl",),
        metavar="FILE",
        help="configuration that came with the official checkpoints",
    ),
    Option(
        flags=("--device",),
        setting="pack.device",
        metavar="DEVICE",
        help="cpu, cuda or cuda:N; refused where it is not there",
    ),
    Option(
        flags=("--precision",),
        setting="pack.precision",
        choices=PRECISIONS,
        help="of the official PyTorch files",
        more="`tf32` on a GPU only; refused where the files leave no choice, or the processor would only "
        "emulate it",
    ),
    Option(
        flags=("--steps",),
        setting="motion.steps",
        type=int,
        metavar="N",
        help="denoising steps of the motion",
    ),
    Option(
        flags=("--overlap",),
        setting="motion.overlap",
        type=int,
        metavar="N",
        default="10; with --online the pack's choice",
        help="frames two motion windows share",
    ),
    Option(
        flags=("--solver",),
        setting="motion.solver",
        choices=SOLVERS,
        help="how motion is denoised: the original's way, or a deterministic one that needs few steps",
    ),
    Option(
        flags=("--compat",),
        switch=True,
        stands_for={"stream": {"compat": "reference"}},
        help="repeat the original implementation's numbers, faults included",
        more="[decisions/reference_quirks.md](decisions/reference_quirks.md)",
    ),
)

PICTURE_AND_FILES = (
    Section(title="What the video shows", options=FRAMING),
    Section(title="Frames a second", options=FRAMES_A_SECOND),
    Section(title="Background", options=BACKGROUND),
    Section(title="Blending", options=BLENDING),
    Section(title="Enhancers", options=ENHANCERS),
    Section(title="Files", options=FILES),
    Section(title="Networks", options=NETWORKS),
)
