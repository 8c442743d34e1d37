"""Style settings as steps behind audio2motion, and controls under the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from cfg.errors import ConfigError
from cfg.frame_rates import shown_rate
from cfg.settings import Settings
from ditto.arrays import Floats
from ditto.motion.controls import ControlTrack
from ditto.motion.frame_rate import Retimed
from ditto.motion.head_styles import OWN_MOTION_SHARE, head_style
from ditto.motion.keyframes import ANGLES, HeadTrack
from ditto.motion.motion_scale import MotionScale, ScaledMotion
from ditto.motion.script import as_frames
from ditto.packs.base import AnyPack
from ditto.rates import FRAME_RATE
from ditto.reference.conventions import Conventions, conventions
from ditto.source.avatar import AnyAvatar
from ditto.source.driving_video import DrivingMotion, read_driving_video
from ditto.stages.condition_handler import Eyes
from ditto.stages.stage import AnyStage

STILL_HEAD_SHARE = 0.08  # share of the head's motion that is left

Layer = Callable[[float], Mapping[str, object]]


def style_steps(
    making: AnyStage,
    pack: AnyPack,
    avatar: AnyAvatar,
    settings: Settings,
    zero: Floats | None,
    length: int,
    way: Conventions,
) -> list[AnyStage]:
    """The stage that makes motion, and the steps that follow it; `length` counts the video's frames."""
    steps = [making]
    wanted = motion_scale(settings)
    if wanted != MotionScale():
        if not way.styles:
            raise ConfigError("the style settings are not the original's; remove them or --compat")
        steps.append(ScaledMotion(wanted, pack.roles(avatar.first), zero))
    fps = settings.output.fps
    if fps != FRAME_RATE:
        if length < 0:
            raise ConfigError(
                f"output.fps is {shown_rate(fps)}, but a live stream, whose length is not known, "
                f"runs at {FRAME_RATE}"
            )
        steps.append(Retimed(fps, length))
    return steps


def control_track(pack: AnyPack, settings: Settings, length: int = -1) -> ControlTrack:
    """The controls of a stream as it begins: the user's own, over those of its style."""
    return ControlTrack(
        as_frames(settings.stitch.controls),
        settings.stitch.overall,
        under=layers(pack, settings, length),
        fps=settings.output.fps,
        fade_curve=conventions(settings).fade_curve,
    )


def motion_scale(settings: Settings) -> MotionScale:
    """The size of head and face that the settings ask for."""
    style = settings.style
    head = STILL_HEAD_SHARE if style.still else (OWN_MOTION_SHARE if style.pose_style else 1.0)
    moved = {angle: 0.0 if style.ref_pose or getattr(style, angle) else head for angle in ANGLES}
    return MotionScale(
        **moved,
        shift=STILL_HEAD_SHARE if style.ref_pose else head,
        expression=style.expression_scale,
        identity=style.identity_weight,
        own_blinks=not style.ref_blink,
    )


def layers(pack: AnyPack, settings: Settings, length: int) -> list[Layer]:
    """Controls by frame, the strongest first; a user's own are stronger than all of them."""
    style = settings.style
    found: list[Layer] = []
    keys = {angle: getattr(style, angle) for angle in ANGLES}
    if any(keys.values()):
        if length < 0:
            raise ConfigError("angles spread over a video need its length, which a live stream does not have")
        found.append(HeadTrack(keys, -(-length * FRAME_RATE // settings.output.fps)))
    if style.ref_pose:
        found.append(reference(style.ref_pose).head)
    chosen = head_style(style.pose_style, settings.motion.seed)
    if chosen is not None and not style.ref_pose:
        share = STILL_HEAD_SHARE if style.still else 1.0
        found.append(
            lambda frame: {
                f"delta_{angle}": share * degrees
                for angle, degrees in zip(ANGLES, chosen.degrees(frame), strict=True)
            }
        )
    if style.ref_blink and "use_eye_open" not in pack.traits.conditions:
        blinks = reference(style.ref_blink)
        found.append(lambda frame: blinks.lids(frame, pack.face))
    return found


def blinking(eyes: Eyes, pack: AnyPack, settings: Settings) -> Eyes:
    """The eyes that the motion model is told of, blinking as the reference does."""
    if not settings.style.ref_blink or "use_eye_open" not in pack.traits.conditions:
        return eyes
    seen = reference(settings.style.ref_blink)

    def at(frame: int) -> tuple[Floats, Floats]:
        openness, gaze = eyes(frame)
        return seen.openness(openness, frame), gaze

    return at


def reference(path: str) -> DrivingMotion:
    """Motion seen in a video; one that was read before is not read again."""
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError:
        changed = 0
    return _reference(path, changed)


@lru_cache(maxsize=4)
def _reference(path: str, _changed: int) -> DrivingMotion:
    return read_driving_video(path)
