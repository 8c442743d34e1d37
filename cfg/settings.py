"""Every setting, with its unit, its default and its reason; checked once, when it is built."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cfg.checks import between, check, one_of
from cfg.frame_rates import Rate, rate_of

FORMATS = ("torch", "onnx", "trt")
MODES = ("offline", "online")
EMOTIONS = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise", "Contempt")
FRAMINGS = ("full", "crop", "resize", "extcrop", "extfull")
KINDS = ("mp4", "webm", "mov", "mkv", "gif", "webp", "png-sequence")
LOOPS = ("mirror", "loop", "hold", "end")
NO_FACE = ("pass", "hold", "fail")
BLEND_MODES = ("blend", "strong", "replace", "weak", "custom")
BLEND_REGIONS = ("mouth", "lower_face", "face", "head")
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
SOLVERS = ("ancestral", "dpm++")
ENHANCERS = ("none", "sharpen", "gfpgan", "restoreformer", "codeformer")
EFFORTS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
PRESETS = ("portrait", *EFFORTS)  # our own for one face before a still background, then H.264's


@dataclass(frozen=True, kw_only=True)
class PackSettings:
    """Networks behind the stages, and how they are run."""

    name: str = "mini"  # 'mini' is built in, 'ditto' is the official one; others come by plug-in
    format: str = "onnx"  # of the official pack's files: torch, onnx or trt
    root: str = ""  # folder of the official checkpoints
    device: str = "cpu"  # cpu, cuda or cuda:N; honoured or refused
    precision: str = "fp32"  # fp32, fp16, bf16 or, on a GPU, tf32, where the format leaves a choice
    threads: int = 0  # of one network call; 0 is one for each core
    files: Mapping[str, str] = field(default_factory=dict)  # role to file, relative to root
    batch: int = 1  # official pack: frames painted in one call; 0 is measured when the pack is opened
    share: bool = False  # whether live sessions' frames are painted in one call, up to `batch` of them
    wait: float = 10.0  # milliseconds a shared call waits for the frames of others
    fixed_batches: bool = True  # whether every call is filled up to `batch`, for the same bits every time
    graphs: bool = False  # official pack's PyTorch files on a GPU: calls recorded as CUDA graphs
    matting: str = ""  # ONNX file of a network that tells who stands in front; '' is the one that comes along
    on_processor: tuple[str, ...] = ()  # official pack: roles of `files` that run on the CPU all the same

    def __post_init__(self) -> None:
        one_of("pack.format", self.format, FORMATS)
        one_of("pack.precision", self.precision, PRECISIONS)
        check(
            self.precision != "tf32" or self.device != "cpu",
            "pack.precision is 'tf32', a rounding of GPUs, but pack.device is cpu",
        )
        check(
            not self.graphs or (self.format == "torch" and self.device != "cpu"),
            "pack.graphs is set, but CUDA graphs are recorded of PyTorch files on a GPU only",
        )
        check(
            self.precision == "fp32" or self.format == "torch",
            f"pack.precision is '{self.precision}', but only the PyTorch files leave a choice; "
            "the built-in pack computes in fp32, ONNX and TensorRT files in what they were made with",
        )
        check(
            re.fullmatch(r"cpu|cuda(:\d{1,3})?", self.device) is not None,
            f"pack.device is '{self.device}', but must be cpu, cuda or cuda:N",
        )
        between("pack.threads", self.threads, 0, 256)
        between("pack.batch", self.batch, 0, 64)
        between("pack.wait", self.wait, 0, 1000)
        check(
            not self.share or self.batch != 1,
            "pack.share is set, but pack.batch is 1; say how many frames a call may hold",
        )


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Reading of the portrait, and detection of its face."""

    max_size: int = 1920  # longest side the portrait is rendered at, pixels
    face: int | tuple[float, float, float, float] | None = None  # number by size, or box; None is the largest
    crop_scale: float = 2.3  # size of the square crop in face sizes
    crop_vx_ratio: float = 0.0  # crop centre moved right, in crop sizes
    crop_vy_ratio: float = -0.125  # crop centre moved down, in crop sizes
    crop_rotate: bool = True  # official pack: whether the crop follows the head's roll
    template_frames: int = -1  # of a video, use only the first so many; -1 is all
    neutral_frames: int = 25  # of a video, in the first so many the mouth is at rest now and then
    smoothing: int = 13  # frames a video's head pose is averaged over
    loop: str = "mirror"  # a video shorter than the voice: back and forth, loop, hold its last frame, or end
    no_face: str = "pass"  # frames without a face: pass them unchanged, hold the last face, or fail

    def __post_init__(self) -> None:
        between("source.max_size", self.max_size, 64, 8192)
        between("source.crop_scale", self.crop_scale, 1.0, 5.0)
        between("source.crop_vx_ratio", self.crop_vx_ratio, -1.0, 1.0)
        between("source.crop_vy_ratio", self.crop_vy_ratio, -1.0, 1.0)
        between("source.smoothing", self.smoothing, 1, 250)
        check(
            self.template_frames == -1 or self.template_frames > 0,
            f"source.template_frames is {self.template_frames}, but must be -1 (all) or at least 1",
        )
        between("source.neutral_frames", self.neutral_frames, 1, 10_000)
        one_of("source.loop", self.loop, LOOPS)
        one_of("source.no_face", self.no_face, NO_FACE)
        if isinstance(self.face, int):
            between("source.face", self.face, 0, 99)


@dataclass(frozen=True, kw_only=True)
class AudioSettings:
    """Preparation of the voice before the speech encoder."""

    start: float | None = None  # seconds cut off at the beginning
    end: float | None = None  # second at which the voice ends
    normalise: bool = False  # bring speech to an ordinary loudness
    denoise: bool = False  # take out steady noise
    chunk: tuple[int, int, int] = (3, 5, 2)  # frames of past, new and future sound in one encoder window
    lookahead: int = 4  # frames of future sound the mini encoder waits for online (160 ms)
    hop: int = 5  # frames it hears at once online: fewer answer a microphone sooner, at more cost

    def __post_init__(self) -> None:
        check(
            len(self.chunk) == 3, f"audio.chunk has {len(self.chunk)} numbers, but needs 3: past, new, future"
        )
        check(
            min(self.chunk) >= 0 and self.chunk[1] > 0 and sum(self.chunk) <= 75,
            f"audio.chunk is {self.chunk}: past and future from 0, new from 1 frame, 75 together at most",
        )
        between("audio.lookahead", self.lookahead, 1, 25)
        between("audio.hop", self.hop, 1, 5)
        for name, value in (("start", self.start), ("end", self.end)):
            if value is not None:
                between(f"audio.{name}", value, 0, 86_400)
        if self.start is not None and self.end is not None:
            check(self.start < self.end, f"audio.start ({self.start}) must lie before audio.end ({self.end})")


@dataclass(frozen=True, kw_only=True)
class ConditionSettings:
    """Conditions of the motion model beside the voice."""

    emotion: Any = 4  # label 0-7 or name, list of labels, list over time, or 8 weights
    eye_first_frame: bool = False  # of a video, use the eyes of its first frame throughout
    use_emo: bool = True  # which parts the motion model was trained with
    use_sc: bool = True
    use_eye_open: bool = True
    use_eye_ball: bool = True
    override: Mapping[str, Any] | None = None  # identity taken from elsewhere: sc, eye lists, scale


@dataclass(frozen=True, kw_only=True)
class MotionSettings:
    """Generation of motion from the voice."""

    overlap: int | None = None  # frames two windows share; None is 10 offline, the pack's choice online
    steps: int = 50  # denoising steps: 10 is about five times faster, and coarser
    solver: str = "ancestral"  # official pack: the original's, or 'dpm++', which few steps suffice for
    seed: int = 0  # the same seed gives the same video
    smoothing: int | None = None  # frames the head's motion is averaged over; None is 3 offline, 13 online
    hold_identity: int = 0  # every so many windows the motion starts again from the portrait's; 0 is never
    hold_dims: tuple[int, int] | None = None  # part of the motion vector that may drift all the same
    clip: tuple[tuple[float, ...], tuple[float, ...]] | None = None  # least and most of each motion number

    def __post_init__(self) -> None:
        if self.overlap is not None:
            between("motion.overlap", self.overlap, 0, 79)
        between("motion.steps", self.steps, 1, 1000)
        one_of("motion.solver", self.solver, SOLVERS)
        between("motion.seed", self.seed, 0, 2**63 - 1)
        if self.smoothing is not None:
            between("motion.smoothing", self.smoothing, 0, 80)
        between("motion.hold_identity", self.hold_identity, 0, 10_000)


@dataclass(frozen=True, kw_only=True)
class StyleSettings:
    """Liveliness of the motion, and how much it stays the portrait's own."""

    expression_scale: float = 1.0  # size of what lips and brows do
    pose_style: int = 0  # head motion: 0 is the pack's own, 1 to 45 are told in docs/options.md
    still: bool = False  # the head barely moves; lips, eyes and blinks go on
    identity_weight: float = 0.0  # share of the slow part of head and face that goes back to the portrait's
    ref_blink: str = ""  # video whose blinks are taken
    ref_pose: str = ""  # video whose head motion is taken
    pitch: tuple[float, ...] = ()  # degrees away from the portrait, spread over the video and eased
    yaw: tuple[float, ...] = ()
    roll: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        between("style.expression_scale", self.expression_scale, 0.5, 2.0)
        between("style.pose_style", self.pose_style, 0, 45)
        between("style.identity_weight", self.identity_weight, 0.0, 1.0)
        for name in ("pitch", "yaw", "roll"):
            degrees = getattr(self, name)
            check(len(degrees) <= 1000, f"style.{name} has {len(degrees)} angles, but 1000 at most")
            for angle in degrees:
                between(f"style.{name}", angle, -45.0, 45.0)


@dataclass(frozen=True, kw_only=True)
class StitchSettings:
    """Combination of generated motion with the portrait's own."""

    use_keys: Any = None  # parts taken from the motion: list of names, or name to factor
    relative: bool = True  # motion counts from its first frame, not absolutely
    drive_eye: bool | None = None  # None: yes for a portrait, no for a video
    eye_open: Any = None  # one blink as offsets from the portrait's eyes, (n, 63), row 0 open
    blink_interval: int | tuple[int, ...] = 0  # frames between them; 0 draws, -1 never, a list goes in turn
    fade_type: str = ""  # '' does not fade, 's' fades to the portrait, 'd0' to the first driven frame
    fade_keys: tuple[str, ...] | None = ("exp",)  # parts that fade; None is all
    fade_in: int = 0  # frames
    fade_out: int = 0  # frames
    stitching: bool = True  # whether the stitching network smooths the seam at the shoulders
    overall: Mapping[str, Any] = field(default_factory=dict)  # controls for every frame
    controls: Any = field(default_factory=dict)  # frame number to controls

    def __post_init__(self) -> None:
        one_of("stitch.fade_type", self.fade_type, ("", "s", "d0"))
        pauses = self.blink_interval
        listed, least = ((pauses,), -1) if isinstance(pauses, int) else (tuple(pauses), 0)
        check(
            bool(listed) and all(isinstance(n, int) and n >= least for n in listed),
            f"stitch.blink_interval is {pauses}, but must be -1, 0, a number of frames, or a list of them",
        )
        between("stitch.fade_in", self.fade_in, 0, 10_000_000)
        between("stitch.fade_out", self.fade_out, 0, 10_000_000)


@dataclass(frozen=True, kw_only=True)
class FramingSettings:
    """Part of the picture that the video shows, and its size."""

    preprocess: str = "full"  # full picture, square crop of the face, or picture resized to a square
    size: int = 0  # pixels of the square's side, or of the picture's longest; 0 leaves them as they are
    aspect: str = ""  # width:height, such as 16:9; '' is the picture's own
    aspect_fit: str = "crop"  # cut off what is too much, or pad what is missing

    def __post_init__(self) -> None:
        one_of("framing.preprocess", self.preprocess, FRAMINGS)
        one_of("framing.aspect_fit", self.aspect_fit, ("crop", "pad"))
        if self.size:
            between("framing.size", self.size, 64, 8192)
        check(
            self.aspect == "" or re.fullmatch(r"[1-9]\d?:[1-9]\d?", self.aspect) is not None,
            f"framing.aspect is '{self.aspect}', but must be width:height, such as 16:9",
        )
        check(
            not (self.aspect and self.preprocess == "resize"),
            f"framing.aspect is '{self.aspect}', but preprocess 'resize' gives a square; remove one of them",
        )


@dataclass(frozen=True, kw_only=True)
class BlendSettings:
    """Blending of the painted face with the source's own (docs/blending.md)."""

    mode: str = (
        "blend"  # blend: soft edge; strong: narrow edge; replace: hard edge; weak: half; custom: alpha
    )
    alpha: float | None = None  # share of the painted face in mode 'custom', 0 to 1
    region: str = "head"  # mouth, lower_face, face, or head: all that the pack paints
    feather: float = 0.12  # width of a region's soft edge, face heights
    match_colours: bool = False  # whether the painted part takes the source's colour along the seam
    show_mask: bool = False  # whether the weights are shown in green instead of only used

    def __post_init__(self) -> None:
        one_of("blend.mode", self.mode, BLEND_MODES)
        one_of("blend.region", self.region, BLEND_REGIONS)
        between("blend.feather", self.feather, 0, 0.5)
        if self.mode == "custom":
            check(self.alpha is not None, "blend.mode 'custom' needs blend.alpha, from 0 to 1")
        else:
            check(
                self.alpha is None, f"blend.alpha is for blend.mode 'custom', but the mode is '{self.mode}'"
            )
        if self.alpha is not None:
            between("blend.alpha", self.alpha, 0, 1)

    @property
    def share(self) -> float:
        """Of the painted face, where nothing softens it."""
        if self.alpha is not None:
            return self.alpha
        return 0.5 if self.mode == "weak" else 1.0

    @property
    def shows_source(self) -> bool:
        """Whether the source's own head stays in sight, so that the painted one must not move away."""
        return self.region != "head" or self.share < 1


@dataclass(frozen=True, kw_only=True)
class EnhanceSettings:
    """Enhancers of finished pictures (docs/enhancers.md)."""

    enhancer: str = "none"  # none, sharpen, gfpgan, restoreformer, codeformer, or a plug-in's name
    model: str = ""  # ONNX file of the enhancer
    strength: float = 1.0  # share of what it changes
    fidelity: float = 0.7  # CodeFormer: 0 restores most, 1 stays nearest
    smoothing: float = 0.5  # steadiness of what does not move: 0 none, 1 most
    upscaler: str = ""  # ONNX file of a super-resolution network for the whole picture
    tile_size: int = 256  # pixels of a tile's side, where the upscaler leaves a choice

    def __post_init__(self) -> None:
        for name in ("strength", "fidelity", "smoothing"):
            between(f"enhance.{name}", getattr(self, name), 0, 1)
        between("enhance.tile_size", self.tile_size, 64, 2048)


@dataclass(frozen=True, kw_only=True)
class OutputSettings:
    """Writing of the video."""

    fps: Rate = 25  # frames a second; at another rate than 25 motion is interpolated, not pictures
    format: str = ""  # kind of file, whatever its name says; '' goes by the name
    background: str = ""  # transparent, blur, a colour or a picture file; '' is the source's own
    match_light: bool = False  # the painted face is brought to the light of the picture around it
    crf: int = 18  # H.264 quality: 0 lossless, 51 worst
    bitrate: int | None = None  # bits a second instead of a quality
    preset: str = "portrait"  # encoder effort: one for a face before a still background, or one of EFFORTS
    resume: bool = False  # keep what is whole when a run is cut short, and go on from it
    overwrite: bool = False  # whether pictures may go into a folder that holds other files too

    def __post_init__(self) -> None:
        object.__setattr__(self, "fps", rate_of("output.fps", self.fps))
        if self.format:
            one_of("output.format", self.format, KINDS)
        between("output.crf", self.crf, 0, 51)
        one_of("output.preset", self.preset, PRESETS)
        if self.bitrate is not None:
            between("output.bitrate", self.bitrate, 10_000, 500_000_000)

    @property
    def transparent(self) -> bool:
        return self.background == "transparent"


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """Streaming between the stages."""

    mode: str = "offline"  # offline knows the whole voice, online hears it arrive
    capacity: int = 2  # messages waiting between two stages
    compat: str = "none"  # 'reference' repeats the original's scheduling and numbers, faults included

    def __post_init__(self) -> None:
        one_of("stream.mode", self.mode, MODES)
        between("stream.capacity", self.capacity, 1, 256)
        one_of("stream.compat", self.compat, ("none", "reference"))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All of it."""

    pack: PackSettings = field(default_factory=PackSettings)
    source: SourceSettings = field(default_factory=SourceSettings)
    audio: AudioSettings = field(default_factory=AudioSettings)
    condition: ConditionSettings = field(default_factory=ConditionSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    style: StyleSettings = field(default_factory=StyleSettings)
    stitch: StitchSettings = field(default_factory=StitchSettings)
    framing: FramingSettings = field(default_factory=FramingSettings)
    blend: BlendSettings = field(default_factory=BlendSettings)
    enhance: EnhanceSettings = field(default_factory=EnhanceSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)

    def __post_init__(self) -> None:
        check(
            not (self.compat and self.motion.solver != "ancestral"),
            f"stream.compat repeats the original's sampler, but motion.solver is '{self.motion.solver}'; "
            "remove one of them",
        )

    @property
    def online(self) -> bool:
        return self.stream.mode == "online"

    @property
    def compat(self) -> bool:
        return self.stream.compat == "reference"
