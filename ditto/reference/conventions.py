"""Differences between this program and the reference, side by side; chosen once for a stream.

What the official networks are fed differently is in `networks.py`; docs/decisions/reference_quirks.md
lists everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cfg.errors import ConfigError
from cfg.settings import BlendSettings, Settings
from ditto.arrays import Floats
from ditto.motion.controls import fade_curve, parts_named
from ditto.motion.identity_hold import Identity
from ditto.motion.mixing import OURS as OUR_MIXING
from ditto.motion.mixing import Mixing
from ditto.packs.base import AnyPack, Sampler
from ditto.reference import fades, source
from ditto.reference.mixing import ReferenceMixing
from ditto.reference.schedule import ReferenceMotion
from ditto.source.avatar import Made, RegisteredAvatar
from ditto.stages.audio2motion import OVERLAP_OFFLINE, Audio2Motion, ShownMotion
from ditto.stages.avatar_registrar import Registrar, video_avatar
from ditto.stages.condition_handler import Condition, ConditionHandler
from ditto.stages.stage import AnyStage
from ditto.stages.stitch import VIDEO_PARTS, Zero

REFERENCE_SMOOTHING = 3  # frames head motion is averaged over online


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionNeeds:
    """Parts that the stages between features and motion are made of."""

    pack: AnyPack
    settings: Settings
    sampler: Sampler
    source: Floats  # (265,) the portrait's own motion
    handler: ConditionHandler
    overlap: int  # frames two windows share
    identity: Identity
    limits: tuple[Floats, Floats] | None  # least and most of each motion number
    silence: Callable[[int], Floats]  # (n, F) features of a voice that has not begun
    zero: Floats | None  # (265,) the pack's motion that stands for no movement
    shown: ShownMotion | None = None  # motion of the frame last shown, where pictures are made ahead of it


class MotionStages(NamedTuple):
    """Stages that make motion out of features."""

    condition: AnyStage | None  # None where `audio2motion` joins conditions itself
    audio2motion: AnyStage
    zero: Zero  # motion that stands for no movement


class Conventions:
    """Ours: nothing of a voice is lost, and controls act in degrees."""

    mixing: Mixing = OUR_MIXING
    fade_type = "s"  # what a fade of which only the length is given fades to
    styles = True  # whether the style settings have a meaning

    def video(self, pack: Registrar[Made], path: Path, settings: Settings) -> RegisteredAvatar[Made]:
        """A source video, measured frame by frame while it is played."""
        return video_avatar(pack, path, settings)

    def overlap(self, pack: AnyPack, online: bool) -> int:
        """Frames two windows share where the settings leave it open."""
        return pack.online_overlap if online else OVERLAP_OFFLINE

    def motion(self, needs: MotionNeeds) -> MotionStages:
        """The stages from features to motion."""
        pack, settings = needs.pack, needs.settings
        silence = needs.handler.join(needs.silence(1), 0)[0] if settings.online else None
        making = Audio2Motion(
            needs.sampler,
            needs.source,
            online=settings.online,
            overlap=needs.overlap,
            smoothing=pack.smoothing if settings.motion.smoothing is None else settings.motion.smoothing,
            delay=pack.online_delay,
            identity=needs.identity,
            limits=needs.limits,
            silence=silence,
            seed=settings.motion.seed,
            shown=needs.shown,
        )
        return MotionStages(Condition(needs.handler), making, needs.zero)

    def driven_parts(self, named: object, blend: BlendSettings) -> object:
        """The parts taken from the motion: the face alone where the source's own head stays in sight."""
        if not blend.shows_source:
            return named
        if named is None:
            return VIDEO_PARTS
        moving = sorted(set(parts_named("stitch.use_keys", named)) - {*VIDEO_PARTS})
        if moving:
            raise ConfigError(
                f"stitch.use_keys moves the head ({', '.join(moving)}), but blend.mode '{blend.mode}' with "
                f"blend.region '{blend.region}' shows the still one too; remove one of them"
            )
        return named

    def fade_curve(self, length: int, fade_in: int, fade_out: int) -> dict[int, float]:
        """fade_alpha by frame, at both ends of a stream."""
        return fade_curve(length, fade_in, fade_out)


class ReferenceConventions(Conventions):
    """The reference's, faults included."""

    mixing = ReferenceMixing()
    fade_type = ""  # none: without a type nothing fades
    styles = False

    def video(self, pack: Registrar[Made], path: Path, settings: Settings) -> RegisteredAvatar[Made]:
        return source.video_avatar(pack, path, settings)

    def overlap(self, pack: AnyPack, online: bool) -> int:
        return OVERLAP_OFFLINE

    def motion(self, needs: MotionNeeds) -> MotionStages:
        motion = needs.settings.motion
        if not needs.settings.online:
            return super().motion(needs)
        making = ReferenceMotion(
            needs.sampler,
            needs.source,
            needs.handler.join,
            warm_up=needs.silence(needs.overlap),
            overlap=needs.overlap,
            smoothing=REFERENCE_SMOOTHING if motion.smoothing is None else motion.smoothing,
            rng=np.random.RandomState(motion.seed % 2**32),
            identity=needs.identity,
            limits=needs.limits,
        )
        return MotionStages(None, making, lambda: making.first)

    def driven_parts(self, named: object, blend: BlendSettings) -> object:
        return named

    def fade_curve(self, length: int, fade_in: int, fade_out: int) -> dict[int, float]:
        return fades.fade_curve(length, fade_in, fade_out)


OURS, REFERENCE = Conventions(), ReferenceConventions()


def conventions(settings: Settings) -> Conventions:
    """Those that `stream.compat` asks for."""
    return REFERENCE if settings.compat else OURS
