"""Finished pictures and a sound into a file that is either whole or not there."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
from PIL.PngImagePlugin import PngInfo

from cfg.errors import ConfigError, MediaError, did_you_mean
from cfg.frame_rates import Rate
from cfg.settings import OutputSettings
from ditto.arrays import Floats, Image
from ditto.deferred_stop import uninterrupted
from ditto.media.colour import tag, to_transparent_video, to_video
from ditto.media.files import address, first_line, is_folder, is_there
from ditto.media.inputs import NONE, Inputs
from ditto.media.output_lock import Held
from ditto.media.sink import Sink
from ditto.media.sound import Sound, SoundFile, Track, resampled

CODECS = {  # by suffix: picture, sound, options of the container
    ".mp4": ("libx264", "aac", {"movflags": "+faststart"}),
    ".mov": ("libx264", "aac", {"movflags": "+faststart"}),
    ".mkv": ("libx264", "aac", {"fflags": "+bitexact"}),  # the same file every time
    ".webm": ("libvpx-vp9", "libopus", {"fflags": "+bitexact"}),
}
RATES = {"aac": (44_100, 48_000), "libopus": (48_000,)}  # that every player takes
USUAL_RATE = 48_000  # for sound of any other rate
TRANSPARENT = {  # by suffix: codec, pixels and options of a video with an alpha plane
    ".webm": ("libvpx-vp9", "yuva420p", {"auto-alt-ref": "0"}),
    ".mov": ("prores_ks", "yuva444p10le", {"profile": "4444", "vendor": "apl0"}),
}
ANIMATIONS = (".gif", ".webp")
# Looking ahead finds the still background and spends the bits on the face: the quality of 'veryfast' in
# half of its time, for a fourth more bytes (docs/log/mini_speed.md).
PORTRAIT = {
    "preset": "superfast",
    "x264-params": "mbtree=1:rc-lookahead=10:bframes=1",
}
SOUND_BITRATE = 128_000  # bits a second for a channel pair
NUMBERED = re.compile(r"\d{6,}\.png")
MADE_BY = "Ditto Engine"  # the mark in each picture of a folder, by which a later run knows its own
MARK = b"tEXtSoftware\0" + MADE_BY.encode()
MARK_WITHIN = 128  # bytes of the file's beginning
WORKING = re.compile(  # what lies in a folder beside the output until that is whole
    r"\d{6,}\.png|\d{8}-\d{8}\.\w+|(whole|unfinished)\.\w+|recipe\.json|\.recipe\.json\.part"
)
OF_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")  # what file browsers leave in folders


def open_sink(
    path: Path,
    size: tuple[int, int],
    sound: Sound | SoundFile | None,
    settings: OutputSettings,
    inputs: Inputs = NONE,
) -> Sink:
    """A file of the kind its name says, for pictures of (height, width); a name without suffix is a folder
    of PNG files. With a transparent background pictures have four channels. Raises ConfigError where it
    would take the place of one of the inputs."""
    suffix = check_output(path, settings, inputs)
    sink: Whole | None = None
    try:
        with uninterrupted():
            sink = opened(path, suffix, size, sound, settings)
    except KeyboardInterrupt:
        if sink is not None:
            sink.abort()
        raise
    return sink


def opened(
    path: Path, suffix: str, size: tuple[int, int], sound: Sound | SoundFile | None, settings: OutputSettings
) -> Whole:
    """An unfinished file or folder of the kind its suffix says; none where it cannot be opened."""
    part = unfinished(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = Held(part, path, folder=not suffix)
    except OSError as error:
        raise MediaError(f"{path}: cannot be written: {first_line(error)}") from error
    try:
        if suffix in CODECS:
            inner: PictureFile = VideoFile(part, size, sound.track if sound else None, settings)
        elif suffix in ANIMATIONS:
            inner = Animation(part, size, settings.fps, settings.transparent)
        else:
            empty(part)
            inner = PictureFolder(part)
    except BaseException as error:
        discard(part)
        held.release()
        if isinstance(error, (OSError, av.FFmpegError)):
            raise MediaError(f"{path}: cannot be written: {first_line(error)}") from error
        raise
    return Whole(path, part, inner, held, overwrite=settings.overwrite)


def check_output(path: Path, settings: OutputSettings, inputs: Inputs) -> str:
    """The suffix, as `checked_suffix`, of an output that takes the place of nothing that is read, and whose
    folder, if it is one for pictures, holds nothing else unless that is asked for."""
    if not path.name:
        raise MediaError(f"{path}: cannot be replaced as a whole; name a folder for the pictures, or a video")
    inputs.check_not_read(path, unfinished(path))
    suffix = checked_suffix(path, settings)
    if suffix:
        inputs.check(path)
    working = piece_folder(path) if suffix else unfinished(path)
    try:
        inputs.check_inside(working, lambda name: True)
        if not suffix:
            inputs.check_inside(path, is_numbered)
            if not settings.overwrite:
                check_alone(path)
        check_working(working)
    except OSError as error:
        raise MediaError(f"{path}: cannot be written: {first_line(error)}") from error
    return suffix


def unfinished(path: Path) -> Path:
    """What an output is called until it is whole."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


def piece_folder(path: Path) -> Path:
    """Where the pieces of a long video lie until it is whole."""
    return path.with_name(f".{path.name}.parts")


def check_alone(folder: Path) -> None:
    """Raises ConfigError where a folder for pictures holds anything but pictures of an earlier render."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.name not in OF_SYSTEMS and not is_ours(entry):
            raise ConfigError(
                f"{folder}: holds {entry.name}, which is no picture of an earlier render; name a new folder, "
                "or say that pictures may go there (--overwrite, output.overwrite)"
            )


def check_working(folder: Path) -> None:
    """Raises ConfigError where a folder that is emptied before and after a render holds something else."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for entry in sorted(folder.iterdir()):
        if not WORKING.fullmatch(entry.name):
            raise ConfigError(f"{folder}: is needed for the render, but holds {entry.name}; move it away")


def is_numbered(name: str) -> bool:
    return NUMBERED.fullmatch(name) is not None


def is_ours(picture: Path) -> bool:
    """Whether a numbered picture was written by a render, here or elsewhere."""
    if not is_numbered(picture.name) or not picture.is_file():
        return False
    with picture.open("rb") as file:
        return MARK in file.read(MARK_WITHIN)


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


class PictureFile(Protocol):
    """Pictures as a file or a folder of some kind, which may be given up."""

    def write(self, image: Image, index: int) -> None: ...

    def close(self) -> None: ...

    def abandon(self) -> None:
        """Lets go of the file without caring what it holds."""


class Writable(Protocol):
    """Where the bytes of a video go, in order."""

    def write(self, data: bytes, /) -> object: ...


class Whole:
    """Writes under a temporary name beside the final one; only what is complete gets that."""

    def __init__(self, path: Path, part: Path, inner: PictureFile, held: Held, *, overwrite: bool) -> None:
        self._path = path
        self._overwrite = overwrite
        self._part = part
        self._inner = inner
        self._held = held
        self._open = True
        self._empty = True

    def write(self, image: Image, index: int) -> None:
        self._empty = False
        try:
            self._inner.write(image, index)
        except (OSError, av.FFmpegError) as error:
            raise MediaError(f"{self._path}: cannot be written: {first_line(error)}") from error

    def close(self) -> None:
        if not self._open:
            return
        if self._empty:
            self.abort()
            raise MediaError(f"{self._path}: no picture was written")
        try:
            self._inner.close()
            if self._part.is_dir() and self._path.is_dir():
                if not self._overwrite:
                    check_alone(self._path)  # it may have been filled since
                replace_pictures(self._path, self._part)
            else:
                self._part.replace(self._path)
        except ConfigError:
            self.abort()
            raise
        except (MediaError, OSError, av.FFmpegError) as error:
            self.abort()
            raise MediaError(f"{self._path}: cannot be finished: {first_line(error)}") from error
        self._open = False
        self._held.release()

    def abort(self) -> None:
        if self._open:
            self._open = False
            self._inner.abandon()
            discard(self._part)
            self._held.release()


class VideoFile:
    """A video with its sound, both encoded as the pictures come, in memory that does not grow."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        track: Track | None,
        settings: OutputSettings,
        *,
        into: tuple[Writable, str, dict[str, str]] | None = None,
    ) -> None:
        """`into` is a stream, its container's name and options, in place of the file: then the path only
        says the kind."""
        picture_codec, sound_codec, options = CODECS[path.suffix.lower()]
        self._alpha = TRANSPARENT[path.suffix.lower()] if settings.transparent else None
        self._beat = Fraction(1, settings.fps)
        target, container, options = into or (address(path), None, options)
        self._container = av.open(target, "w", format=container, options=options)
        try:
            self._video = self._add_picture(picture_codec, size, settings)
            self._sound = SoundTrack(self._container, sound_codec, track) if track is not None else None
        except BaseException:
            self.abandon()
            raise
        self._frames = 0

    def _add_picture(self, codec: str, size: tuple[int, int], settings: OutputSettings) -> av.VideoStream:
        codec, pixels, special = self._alpha or (codec, "yuv420p", {})
        stream = self._container.add_stream(codec, rate=settings.fps)
        assert isinstance(stream, av.VideoStream)
        height, width = size
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = pixels
        stream.time_base = Fraction(1, settings.fps)
        stream.codec_context.thread_type = "AUTO"
        options = {"deadline": "realtime", "cpu-used": "6"}
        if codec == "libx264":
            stream.codec_context.thread_count = encoder_threads()
            options = PORTRAIT if settings.preset == "portrait" else {"preset": settings.preset}
        if settings.bitrate is not None:
            stream.bit_rate = settings.bitrate
        elif codec == "libx264":
            options = options | {"crf": str(settings.crf)}
        else:
            options |= {"crf": str(settings.crf), "b:v": "0"}
        if codec == "prores_ks":
            options = {}
        stream.codec_context.options = options | special
        tag(stream.codec_context)
        return stream

    def write(self, image: Image, index: int) -> None:
        picture = even(image)
        frame = to_transparent_video(picture, self._alpha[1]) if self._alpha else to_video(picture)
        frame.pts = index
        frame.time_base = self._beat
        self._container.mux(self._video.encode(frame))
        self._frames = index + 1
        if self._sound is not None:
            self._sound.fill(self._frames * self._beat)

    def close(self) -> None:
        self._container.mux(self._video.encode(None))
        if self._sound is not None:
            self._sound.finish(self._frames * self._beat)
        self._container.close()

    def abandon(self) -> None:
        """Lets go of the file without caring what it holds."""
        try:
            self._container.close()
        except (OSError, av.FFmpegError, ValueError):
            return


class SoundTrack:
    """The sound beside the pictures: never longer than they are, padded with silence where shorter."""

    def __init__(self, container: av.container.OutputContainer, codec: str, track: Track) -> None:
        rate, self._channels, blocks = track.open()
        self._rate = rate if rate in RATES[codec] else USUAL_RATE
        self._tick = Fraction(1, self._rate)
        self._layout = "mono" if self._channels == 1 else "stereo"
        self._container = container
        stream = container.add_stream(codec, rate=self._rate, layout=self._layout)
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        self._stream.bit_rate = SOUND_BITRATE * self._channels // 2
        if codec == "aac":  # nearer to the sound than the usual search, at half of its work
            self._stream.codec_context.options = {"aac_coder": "fast"}
        self._blocks = resampled(blocks, rate, self._channels, self._rate)
        self._waiting: list[Floats] = []
        self._ready = 0  # samples waiting
        self._written = 0
        self._ended = False

    def fill(self, until: Fraction) -> None:
        """Encodes all whole codec frames up to a time in seconds."""
        size = self._stream.codec_context.frame_size or 1024
        end = until.numerator * self._rate // until.denominator
        while self._written + size <= end:
            self._encode(self._take(size))

    def finish(self, until: Fraction) -> None:
        self.fill(until)
        rest = round(until * self._rate) - self._written
        if rest > 0:
            self._encode(self._take(rest))
        self._container.mux(self._stream.encode(None))

    def _take(self, count: int) -> Floats:
        """(count, channels) of the sound, silence after its end."""
        while self._ready < count and not self._ended:
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
            else:
                self._waiting.append(block)
                self._ready += len(block)
        missing = count - self._ready
        if missing > 0:
            self._waiting.append(np.zeros((missing, self._channels), np.float32))
            self._ready += missing
        enough = len(self._waiting[0]) >= count
        joined = self._waiting[0] if enough else np.concatenate(self._waiting)
        self._waiting = [joined[count:], *self._waiting[1:]] if enough else [joined[count:]]
        self._ready -= count
        return joined[:count]

    def _encode(self, block: Floats) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._written
        frame.time_base = self._tick
        self._written += len(block)
        self._container.mux(self._stream.encode(frame))


class Animation:
    """A GIF or WebP that plays for ever, without sound; each picture is encoded as it comes."""

    def __init__(self, path: Path, size: tuple[int, int], fps: Rate, transparent: bool = False) -> None:
        path.touch()
        self._beat = Fraction(1, fps)
        self._pixels = "rgba" if transparent else "rgb24"
        gif = path.suffix.lower() == ".gif"
        self._palettes = palettes(size, self._beat, transparent=transparent) if gif else None
        self._container = av.open(address(path), "w", options={"loop": "0"})
        self._stream = self._added(self._container, size, fps)

    def _added(
        self, container: av.container.OutputContainer, size: tuple[int, int], fps: Rate
    ) -> av.VideoStream:
        webp = self._palettes is None
        stream = container.add_stream("libwebp_anim" if webp else "gif", rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = size
        pixels = "yuva420p" if self._pixels == "rgba" else "yuv420p"
        stream.pix_fmt = pixels if webp else "pal8"
        stream.time_base = self._beat
        if webp:
            stream.options = {"quality": "90"}
        return stream

    def write(self, image: Image, index: int) -> None:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=self._pixels)
        frame.pts, frame.time_base = index, self._beat
        if self._palettes is None:
            self._container.mux(self._stream.encode(frame))
        else:
            self._palettes.push(frame)
            self._pull(self._palettes)

    def close(self) -> None:
        if self._palettes is not None:
            self._palettes.push(None)
            self._pull(self._palettes)
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Lets go of the file without caring what it holds."""
        with contextlib.suppress(OSError, av.FFmpegError, ValueError):
            self._container.close()

    def _pull(self, graph: av.filter.Graph) -> None:
        while True:
            try:
                frame = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, av.VideoFrame)
            self._container.mux(self._stream.encode(frame))


def palettes(size: tuple[int, int], beat: Fraction, *, transparent: bool = False) -> av.filter.Graph:
    """A filter that gives each picture the 256 colours that suit it best, one of them see-through."""
    graph = av.filter.Graph()
    pixels = av.VideoFormat("rgba" if transparent else "rgb24")
    source = graph.add_buffer(width=size[1], height=size[0], format=pixels, time_base=beat)
    split = graph.add("split")
    generate = graph.add("palettegen", f"stats_mode=single:reserve_transparent={int(transparent)}")
    use = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4:alpha_threshold=128")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(generate, 0, 0)
    split.link_to(use, 1, 0)
    generate.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


class PictureFolder:
    """One PNG file a frame, numbered from 000000."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = PngInfo()
        self._mark.add_text("Software", MADE_BY)

    def write(self, image: Image, index: int) -> None:
        import imageio.v3  # only who writes pictures waits for it

        path = self._folder / f"{index:06d}.png"
        imageio.v3.imwrite(path, image, plugin="pillow", compress_level=3, pnginfo=self._mark)

    def close(self) -> None:
        """Every picture is whole already."""

    def abandon(self) -> None:
        """Nothing is held open."""


def encoder_threads() -> int:
    """Half of the cores: the other stages need the rest, and each thread holds pictures of its own."""
    return max(1, min(4, (os.cpu_count() or 1) // 2))


def even(image: Image) -> Image:
    """The picture, its last row and column repeated where a side is odd."""
    height, width = image.shape[:2]
    if not (height % 2 or width % 2):
        return image
    grown = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(grown, np.uint8)


def replace_pictures(folder: Path, part: Path) -> None:
    """Moves numbered pictures into a folder, where they take the place of an earlier, longer row."""
    new = {picture.name for picture in part.iterdir()}
    for name in new:
        (part / name).replace(folder / name)
    for old in folder.iterdir():
        if old.name not in new and is_ours(old):
            old.unlink()
    part.rmdir()


def empty(folder: Path) -> None:
    """Removes what lies in a folder."""
    for entry in folder.iterdir():
        discard(entry)


def discard(part: Path) -> None:
    """Removes an unfinished file or folder; one that cannot be there is no error."""
    with contextlib.suppress(OSError):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
