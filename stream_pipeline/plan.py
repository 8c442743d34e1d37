"""The plan of a stream: which nine stages run, said in their order, for a pack, a source and settings."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from cfg.errors import ConfigError, StageError, did_you_mean
from cfg.settings import Settings, StitchSettings
from ditto.arrays import Floats
from ditto.media.sink import Callback, Sink
from ditto.motion.controls import ControlTrack
from ditto.motion.identity_hold import Identity
from ditto.motion.mood import Mood
from ditto.motion.vector import to_vector
from ditto.packs.base import AnyPack
from ditto.picture.blending import Blended
from ditto.rates import SAMPLES_PER_FRAME
from ditto.reference.conventions import Conventions, MotionNeeds, conventions
from ditto.source.avatar import AnyAvatar, AnySourceFrame
from ditto.stages.audio2motion import ShownMotion
from ditto.stages.avatar_registrar import NAME as REGISTRAR
from ditto.stages.avatar_registrar import Playback
from ditto.stages.condition_handler import ConditionHandler, eyes_of
from ditto.stages.decode import Decode
from ditto.stages.messages import Message
from ditto.stages.putback import Putback
from ditto.stages.stage import AnyStage
from ditto.stages.stitch import Stitch, Zero
from ditto.stages.warp import Warp
from ditto.stages.wav2feat import Wav2Feat
from ditto.stages.writer import Writer
from stream_pipeline.channel import Channel
from stream_pipeline.character import Character
from stream_pipeline.output_steps import output_steps
from stream_pipeline.pipeline import Pipeline
from stream_pipeline.steps_in_one_stage import Chain
from stream_pipeline.style_steps import blinking, style_steps

CONDITION_FLAGS = ("use_emo", "use_sc", "use_eye_open", "use_eye_ball")
SOURCE_FRAMES_AHEAD = 2  # that the registrar may have ready


@dataclass(frozen=True, slots=True)
class Extra:
    """A stage of the caller's own."""

    after: str  # name of the stage it follows
    make: Callable[[], AnyStage]  # called once for each stream

    def __post_init__(self) -> None:
        if self.after not in STAGES:
            raise ConfigError(f"'{self.after}' is not a stage{did_you_mean(self.after, STAGES)}")


@dataclass(frozen=True, slots=True)
class Clocked:
    """Facts that a stream whose pictures are shown by a clock tells its stages."""

    wanted: Callable[[int, int], bool]  # whether a frame, by turn and index, is still worth painting
    shown: ShownMotion


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """The nine stages of one stream in their order."""

    source_frames: Iterable[AnySourceFrame]  # the avatar registrar's work,
    registrar: Channel[AnySourceFrame]  # and where the stitch stage finds it
    wav2feat: AnyStage
    condition: AnyStage | None  # None where `audio2motion` joins conditions itself, as the original does
    audio2motion: AnyStage
    stitch: AnyStage
    warp: AnyStage
    decode: AnyStage
    putback: AnyStage
    writer: AnyStage
    extra: Sequence[Extra] = ()

    def stages(self) -> list[AnyStage]:
        """Stages that a piece of sound passes through, the caller's own included."""
        named = {name: getattr(self, name) for name in STAGES}
        chain: list[AnyStage] = []
        for name, stage in named.items():
            if stage is not None:
                chain.append(stage)
            chain += [extra.make() for extra in self.extra if extra.after == name]
        return chain

    def pipeline(
        self,
        *,
        capacity: int = 2,
        feed: Iterable[Message] | None = None,
        on_failure: Callable[[StageError], None] | None = None,
    ) -> Pipeline:
        """The stages on threads, not yet started."""
        return Pipeline(
            self.stages(),
            capacity=capacity,
            feed=feed,
            side_inputs=[(REGISTRAR, self.source_frames, cast("Channel[object]", self.registrar))],
            on_failure=on_failure,
        )


STAGES = ("wav2feat", "condition", "audio2motion", "stitch", "warp", "decode", "putback", "writer")


def plan(
    pack: AnyPack,
    avatar: AnyAvatar,
    settings: Settings,
    controls: ControlTrack,
    sink: Sink | None = None,
    length: int = -1,
    first: int = 0,
    extra: Sequence[Extra] = (),
    clocked: Clocked | None = None,
) -> StreamPlan:
    """Everything one stream needs; its results are the pictures, written to the sink if there is one.

    Frames before `first` are moved, so that what follows is the same, but not painted; neither are
    those that a clock has no use for.
    """
    way = conventions(settings)
    frames: Channel[AnySourceFrame] = Channel(SOURCE_FRAMES_AHEAD)
    source_frames, steps = output_steps(pack, avatar, settings)
    motion = motion_plan(pack, avatar, settings, controls.mood, clocked)
    still = None if callable(motion.zero) else motion.zero
    batch = 1 if settings.online else pack.batch
    return StreamPlan(
        source_frames=source_frames,
        registrar=frames,
        wav2feat=motion.wav2feat,
        condition=motion.condition,
        audio2motion=Chain(style_steps(motion.audio2motion, pack, avatar, settings, still, length, way)),
        stitch=Stitch(
            Playback(avatar, frames.get),
            pack.stitcher(),
            stitch_settings(settings, way),
            controls,
            d0=motion.zero,
            face=pack.face,
            length=length,
            first=first,
            rng=random.Random(settings.motion.seed),
            fps=settings.output.fps,
            character_scale=Character.of(avatar.first, settings.condition.override).scale,
            mixing=way.mixing,
            wanted=None if clocked is None else clocked.wanted,
        ),
        warp=Warp(pack.warper(), batch),
        decode=Decode(pack.decoder(), batch),
        putback=Putback(Blended(pack.compositor(settings), settings.blend), steps),
        writer=Writer(sink or Callback(lambda image, index: None), first, gaps=clocked is not None),
        extra=extra,
    )


@dataclass(frozen=True, slots=True)
class MotionPlan:
    """The stages from sound to motion, and the motion that stands for no movement."""

    wav2feat: AnyStage
    condition: AnyStage | None
    audio2motion: AnyStage
    zero: Zero

    def stages(self) -> list[AnyStage]:
        """Those there are, in their order."""
        return [s for s in (self.wav2feat, self.condition, self.audio2motion) if s is not None]


def motion_plan(
    pack: AnyPack,
    avatar: AnyAvatar,
    settings: Settings,
    mood: Mood | None = None,
    clocked: Clocked | None = None,
) -> MotionPlan:
    """From sound to motion."""
    way, motion = conventions(settings), settings.motion
    overlap = overlap_of(pack, settings)
    limits = None
    if motion.clip is not None:
        least, most = (np.asarray(side, np.float32) for side in motion.clip)
        limits = (least, most)
    needs = MotionNeeds(
        pack=pack,
        settings=settings,
        sampler=pack.sampler(settings, avatar.first, overlap),
        source=to_vector(avatar.first.motion),
        handler=condition_handler(pack, avatar, settings, mood),
        overlap=overlap,
        identity=Identity(motion.hold_identity, motion.hold_dims),
        limits=limits,
        silence=lambda count: silent_rows(pack, settings, count),
        zero=pack.rest(avatar.first),
        shown=None if clocked is None else clocked.shown,
    )
    return MotionPlan(Wav2Feat(pack.speech(settings)), *way.motion(needs))


def overlap_of(pack: AnyPack, settings: Settings) -> int:
    """Frames that two windows of motion share."""
    wanted = settings.motion.overlap
    return conventions(settings).overlap(pack, settings.online) if wanted is None else wanted


def silent_rows(pack: AnyPack, settings: Settings, count: int) -> Floats:
    """(count, C) features of a voice that has not begun."""
    stream = pack.speech(
        dataclasses.replace(settings, stream=dataclasses.replace(settings.stream, mode="offline"))
    )
    silence = np.zeros(count * SAMPLES_PER_FRAME, np.float32)
    return np.concatenate([stream.push(silence), stream.flush()])


def condition_handler(
    pack: AnyPack, avatar: AnyAvatar, settings: Settings, mood: Mood | None = None
) -> ConditionHandler:
    wanted = settings.condition
    of = Character.of(avatar.first, wanted.override)
    eyes = blinking(eyes_of(of.eye_open, of.eye_ball, wanted.eye_first_frame), pack, settings)
    used = {flag: getattr(wanted, flag) and flag in pack.traits.conditions for flag in CONDITION_FLAGS}
    return ConditionHandler(of.canonical, eyes, wanted.emotion, **used, mood=mood)


def stitch_settings(settings: Settings, way: Conventions) -> StitchSettings:
    """Stitch settings, with what they leave open filled in by the stream's conventions."""
    wanted = settings.stitch
    fades = wanted.fade_in > 0 or wanted.fade_out > 0
    return dataclasses.replace(
        wanted,
        use_keys=way.driven_parts(wanted.use_keys, settings.blend),
        fade_type=wanted.fade_type or (way.fade_type if fades else ""),
    )
