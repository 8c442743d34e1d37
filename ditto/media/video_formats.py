"""Kinds of video by their suffixes: codecs, transparency, and names that say none of them."""

from __future__ import annotations

from pathlib import Path

from cfg.errors import MediaError, did_you_mean
from cfg.settings import OutputSettings
from ditto.media.files import is_folder, is_there

CODECS = {  # by suffix: picture, sound, options of the container
    ".mp4": ("libx264", "aac", {"movflags": "+faststart"}),
    ".mov": ("libx264", "aac", {"movflags": "+faststart"}),
    ".mkv": ("libx264", "aac", {"fflags": "+bitexact"}),  # the same file every time
    ".webm": ("libvpx-vp9", "libopus", {"fflags": "+bitexact"}),
}
SOUND_RATES = {"aac": (44_100, 48_000), "libopus": (48_000,)}  # that every player takes
USUAL_RATE = 48_000  # for sound of any other rate
TRANSPARENT = {  # by suffix: codec, pixels and options of a video with an alpha plane
    ".webm": ("libvpx-vp9", "yuva420p", {"auto-alt-ref": "0"}),
    ".mov": ("prores_ks", "yuva444p10le", {"profile": "4444", "vendor": "apl0"}),
}
ANIMATIONS = (".gif", ".webp")


def checked_suffix(path: Path, settings: OutputSettings) -> str:
    """The suffix of a video that can be written; '' for a folder of pictures."""
    suffix = path.suffix.lower()
    known = (*CODECS, *ANIMATIONS)
    if settings.transparent and suffix in CODECS and suffix not in TRANSPARENT:
        raise MediaError(
            f"{path}: '{suffix}' cannot be transparent (--background transparent); give .webm, .mov, .webp, "
            ".gif, or a folder for PNG"
        )
    if suffix and suffix not in known:
        raise MediaError(f"{path}: '{suffix}' is not a kind of video{did_you_mean(suffix, known)}")
    if not path.name:
        raise MediaError(f"{path}: has no name; give a file or a new folder")
    if suffix and is_folder(path):
        raise MediaError(f"{path}: is a folder, but the video must be a file")
    if not suffix and is_there(path) and not is_folder(path):
        raise MediaError(f"{path}: is a file; a name without suffix is a folder of pictures, so add .mp4")
    return suffix


def named(path: Path, kind: str) -> Path:
    """The path with the suffix of a kind of file, where one is asked for; pictures go into a folder."""
    if not kind:
        return path
    known = path.suffix.lower() in (*CODECS, *ANIMATIONS)
    bare = path.with_suffix("") if known else path
    return bare if kind == "png-sequence" else bare.with_name(f"{bare.name}.{kind}")
