"""Options for what goes in and out, the voice, and how face and head move."""

from __future__ import annotations

from cfg.settings import EMOTIONS, LOOPS, NO_FACE
from ditto.motion.script import Script
from stream_pipeline.options.effects import VIDEO_SOURCE
from stream_pipeline.options.option import Option, Section
from stream_pipeline.options.paths import InputPath, WrittenPath
from stream_pipeline.options.values import emotion

STALL_SECONDS = 10.0  # without any movement before --debug-stall speaks
EYES = {"source": False, "driven": True}

IN_AND_OUT = (
    Option(
        dest="source",
        flags=("-i", "--image", "--source_path", "--source_image"),
        type=InputPath,
        metavar="FILE",
        help="portrait or video of a person",
        more="Videos: [video_sources.md](video_sources.md)",
    ),
    Option(
        flags=("-a", "--audio", "--audio_path", "--driven_audio"),
        type=InputPath,
        metavar="FILE",
        help="speech: any sound or video file; 'source' for the source video's own",
    ),
    Option(
        flags=("--say",),
        metavar="TEXT",
        help="speak this text instead of --audio (needs the extra 'tts')",
    ),
    Option(
        flags=("-o", "--output", "--output_path"),
        type=WrittenPath,
        metavar="FILE",
        help="mp4, mov, mkv, webm, gif, webp; a folder ending in / for PNG files; - for standard output",
        more="Standard output is playable while it is made: `… -o - | ffplay -` (MP4, or what `--format` "
        "says of mov, mkv, webm). Nothing that is read in the same run is written over, under whatever name "
        "or link",
    ),
    Option(
        flags=("--result_dir",),
        type=WrittenPath,
        metavar="DIR",
        help="instead of -o: DIR/portrait_voice.mp4, named after the inputs",
    ),
    Option(
        flags=("--preset",),
        metavar="NAME[,NAME]",
        help="named settings under the other options; see --list-presets",
        more="[presets.md](presets.md)",
    ),
    Option(flags=("--list-presets",), switch=True, help="list the presets"),
    Option(
        flags=("--config",),
        metavar="NAME|FILE",
        default="mini",
        help="built-in configuration, such as mini_online or ditto_torch, or YAML file",
    ),
    Option(
        flags=("--seed",),
        setting="motion.seed",
        type=int,
        metavar="N",
        help="the same seed gives the same video, another seed another head motion",
    ),
    Option(
        flags=("--face",),
        setting="source.face",
        type=int,
        metavar="N",
        help="which face, 0 is the largest",
        default="0",
    ),
    Option(
        flags=("--online",),
        switch=True,
        stands_for={"stream": {"mode": "online"}},
        help="run the low-latency streaming mode: motion is made while the voice arrives",
    ),
    Option(flags=("--profile",), switch=True, help="print how long each stage worked and waited"),
    Option(
        flags=("--debug-stall",),
        type=float,
        without_value=STALL_SECONDS,
        metavar="SECONDS",
        help="print what each stage does whenever nothing has moved for so long",
        default=f"{STALL_SECONDS:g}",
        more="[finding_a_stall.md](finding_a_stall.md)",
    ),
    Option(flags=("--quiet",), switch=True, help="print nothing but errors"),
)
SOUND = (
    Option(
        flags=("--start",),
        setting="audio.start",
        type=float,
        metavar="SECONDS",
        help="skip so many seconds of the sound",
    ),
    Option(
        flags=("--end",),
        setting="audio.end",
        type=float,
        metavar="SECONDS",
        help="stop at this second of the sound",
    ),
    Option(
        flags=("--normalise",),
        setting="audio.normalise",
        switch=True,
        help="bring the voice to an ordinary loudness, -20 LUFS",
        measured="within 0.5 LUFS of it",
    ),
    Option(
        flags=("--denoise",),
        setting="audio.denoise",
        switch=True,
        help="take steady noise out of the voice",
        measured="hiss and hum in pauses at least 10 dB less, words within 1.5 dB",
    ),
)
FACE = (
    Option(
        flags=("--expression-scale",),
        setting="style.expression_scale",
        type=float,
        metavar="0.5..2",
        help="size of what lips and brows do",
        more="Counted from the closed mouth: closed lips stay closed, blinks and gaze are left alone",
        measured="widest mouth 8 / 16 / 28 mm at 0.5 / 1 / 2; at a closed mouth 0 in all three",
    ),
    Option(
        flags=("--emotion",),
        setting="condition.emotion",
        metavar="NAME[:STRENGTH]",
        to_setting=emotion,
        default="neutral",
        help=f"0-7 or a name: {', '.join(EMOTIONS)}; several separated by commas are blended; "
        "'happy:0.6' is a weaker one",
        more="What is missing to a strength of 1 is neutral",
        measured="[all eight](scripting.md#emotions)",
    ),
    Option(
        flags=("--identity-weight",),
        setting="style.identity_weight",
        type=float,
        metavar="0..1",
        help="how far head and face return to the portrait's own pose and look",
        more="See below",
        measured="at 1 the head's resting place is 0.6 of as far away after 4 s, the lips' opening "
        "correlates above 0.99",
    ),
    Option(
        flags=("--ref-eyeblink",),
        setting="style.ref_blink",
        metavar="VIDEO",
        help="take the blinks from this video",
        more="At the same moments, and as far closed",
        measured="lid travel over 6 s correlates 0.87 and 0.94 with the video's",
    ),
)
HEAD = (
    Option(
        flags=("--still",),
        setting="style.still",
        switch=True,
        help="the head barely moves; lips, eyes and blinks go on",
        measured="the head strays 0.08 times as far: yaw by 0.35 degrees in the video, by 3.6 without",
    ),
    Option(
        flags=("--pose-style",),
        setting="style.pose_style",
        type=int,
        metavar="0..45",
        help="style of head motion, the same every time; 0 is the pack's own",
        measured="any two styles differ by more than a degree at some moment of 20 s",
    ),
    Option(
        flags=("--ref-pose",),
        setting="style.ref_pose",
        metavar="VIDEO",
        help="take the head's motion from this video",
        more="Counted from its middle pose",
        measured="yaw over 6 s correlates above 0.99 with the video's, roll 0.99, pitch 0.92",
    ),
    *(
        Option(
            flags=(f"--input-{angle}",),
            setting=f"style.{angle}",
            type=float,
            many=True,
            metavar="DEGREES",
            help=f"{angle} away from the portrait's, spread over the video's length and eased",
            more="From -45 to 45, at rest at each; that angle's own motion is left out",
            measured="within 0.3 degrees",
        )
        for angle in ("yaw", "pitch", "roll")
    ),
    Option(
        flags=("--smoothing",),
        setting="motion.smoothing",
        type=int,
        metavar="N",
        help="frames driven head motion is averaged over: more is calmer and later",
        default="3, with --online 13",
    ),
)
OVER_TIME = (
    Option(
        flags=("--ctrl", "--script"),
        setting="stitch.controls",
        metavar="FILE",
        to_setting=Script.load,
        kept_as_said=True,
        help="YAML or JSON script of gestures, emotions and controls over time, or controls by frame",
        more="[scripting.md](scripting.md)",
    ),
    Option(
        flags=("--fade-in",),
        setting="stitch.fade_in",
        type=int,
        metavar="N",
        help="frames over which motion sets in from the portrait",
    ),
    Option(
        flags=("--fade-out",),
        setting="stitch.fade_out",
        type=int,
        metavar="N",
        help="frames over which motion comes to rest in the portrait",
    ),
)
VIDEO_SOURCES = (
    Option(
        flags=("--template-frames",),
        setting="source.template_frames",
        type=int,
        metavar="N",
        default="all",
        effects=(VIDEO_SOURCE,),
        help="of a video, use only the first N frames",
    ),
    Option(
        flags=("--preserve-motion",),
        setting="source.neutral_frames",
        type=int,
        metavar="N",
        effects=(VIDEO_SOURCE,),
        help="of a video, keep head and eyes; the mouth at rest is in its first N frames",
    ),
    Option(
        flags=("--eyes",),
        setting="stitch.drive_eye",
        choices=tuple(EYES),
        to_setting=EYES.__getitem__,
        default="driven for a portrait, source for a video",
        help="whose eyes move: a video's own or driven ones",
    ),
    Option(
        flags=("--loop",),
        setting="source.loop",
        choices=LOOPS,
        effects=(VIDEO_SOURCE,),
        help="when a video ends before the voice: back and forth, again, its last frame, or the end",
    ),
    Option(
        flags=("--no-face",),
        setting="source.no_face",
        choices=NO_FACE,
        effects=(VIDEO_SOURCE,),
        help="frames of a video without a face: unchanged, the last face held, or an error",
    ),
    Option(
        flags=("--source-smoothing",),
        setting="source.smoothing",
        type=int,
        metavar="N",
        effects=(VIDEO_SOURCE,),
        help="frames a video's head pose is averaged over",
    ),
)

SPEECH_AND_MOTION = (
    Section(title="In and out", options=IN_AND_OUT),
    Section(title="Sound", options=SOUND),
    Section(title="How the face moves", options=FACE),
    Section(title="How the head moves", options=HEAD),
    Section(title="Over time", options=OVER_TIME),
    Section(title="Video sources", options=VIDEO_SOURCES),
)
