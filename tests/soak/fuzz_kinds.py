"""What is fuzzed: whole files of each kind, how they are changed, and how they are read."""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.soak import mutations  # noqa: E402

Change = Callable[[bytes, random.Random], bytes]
MOST_READ = 40  # frames of a video, blocks of a sound's track


@dataclass(frozen=True)
class Kind:
    """Files of one kind."""

    share: float  # of the time
    examples: Callable[[], dict[str, bytes]]  # by a name with its suffix
    change: Callable[[str], Change]  # by the suffix
    read: Callable[[Path], object]  # raises DittoError, or takes the file
    slowest: float = 10.0  # seconds a megabyte
    noise: str = r"$"  # lines that a library prints and cannot be told not to
    native: str = r"$"  # deaths in a library's own code, which nothing here can refuse


def portrait(side: int = 48) -> Any:
    from PIL import Image

    with Image.open(ROOT / "examples" / "drawn_man.jpg") as whole:
        return whole.convert("RGB").resize((side, side))


def pictures() -> dict[str, bytes]:
    import pillow_heif

    pillow_heif.register_heif_opener()
    image = portrait()
    clear = image.convert("RGBA")
    clear.putalpha(image.convert("L"))
    found: dict[str, bytes] = {}

    def keep(name: str, picture: Any, kind: str, **how: Any) -> None:
        stream = io.BytesIO()
        picture.save(stream, kind, **how)
        found[name] = stream.getvalue()

    exif = image.getexif()
    exif[0x0112] = 6
    keep("rgb.jpg", image, "JPEG", exif=exif)
    keep("progressive.jpg", image, "JPEG", progressive=True)
    keep("cmyk.jpg", image.convert("CMYK"), "JPEG")
    for mode in ("RGB", "L", "P", "1"):
        keep(f"{mode}.png", image.convert(mode), "PNG")
        keep(f"{mode}.tif", image.convert(mode), "TIFF", compression="tiff_lzw" if mode != "1" else "group4")
    keep("deflate.tif", clear, "TIFF", compression="tiff_deflate")
    keep("jpeg.tif", image, "TIFF", compression="jpeg")
    keep("float.tif", image.convert("F"), "TIFF")
    keep("deep.png", image.convert("I;16"), "PNG")
    keep("clear.png", clear, "PNG")
    keep("clear.webp", clear, "WEBP", lossless=True)
    keep("lossy.webp", image, "WEBP")
    keep("rgb.bmp", image, "BMP")
    keep("rgb.ppm", image, "PPM")
    keep("one.gif", image, "GIF")
    keep("rgb.avif", image, "AVIF", speed=10)
    keep("clear.heic", clear, "HEIF")
    return found


def read_picture(path: Path) -> object:
    from ditto.media.picture import is_picture, read_picture

    is_picture(path)
    return read_picture(path, max_size=64)


def tone(seconds: float = 0.15, rate: int = 16_000) -> Any:
    return (0.3 * np.sin(np.arange(int(seconds * rate)) * 0.1)).astype(np.float32)


def with_pyav(name: str, codec: str, *, pictures: int = 0, sound: str = "", **options: str) -> bytes:
    """A file of a few small pictures, some sound, or both."""
    import av

    stream = io.BytesIO()
    kind = {".m4a": "ipod", ".mkv": "matroska", ".ts": "mpegts", ".wmv": "asf", ".png": "apng"}
    suffix = Path(name).suffix
    face = np.asarray(portrait(64))
    with av.open(stream, "w", kind.get(suffix, suffix[1:]), options={"fflags": "+bitexact"}) as container:
        streams: list[tuple[Any, Iterable[Any]]] = []
        if pictures:
            video: Any = container.add_stream(codec, rate=25, options=options)
            video.width, video.height = 64, 64
            video.pix_fmt = video.codec.video_formats[0].name
            frames = [
                av.VideoFrame.from_ndarray(
                    np.ascontiguousarray(np.roll(face, n, 1)), format="rgb24"
                ).reformat(format=video.pix_fmt)
                for n in range(pictures)
            ]
            for number, frame in enumerate(frames):
                frame.pts, frame.time_base = number, Fraction(1, 25)
            streams.append((video, frames))
        if sound:
            audio: Any = container.add_stream(sound, rate=48_000)
            audio.layout, audio.bit_rate = "mono", 64_000
            heard = av.AudioFrame.from_ndarray(tone(0.3, audio.rate)[None], format="fltp", layout="mono")
            heard.rate, heard.pts = audio.rate, 0
            streams.append((audio, [heard]))
        for track, parts in streams:
            for part in parts:
                container.mux(track.encode(part))
            container.mux(track.encode(None))
    return stream.getvalue()


def sounds() -> dict[str, bytes]:
    import soundfile

    found: dict[str, bytes] = {}
    for name, kind, coding in (
        ("16.wav", "WAV", "PCM_16"), ("24.wav", "WAVEX", "PCM_24"), ("float.wav", "WAV", "FLOAT"),
        ("ulaw.wav", "WAV", "ULAW"), ("ima.wav", "WAV", "IMA_ADPCM"), ("ms.wav", "WAV", "MS_ADPCM"),
        ("gsm.wav", "WAV", "GSM610"), ("rf64.wav", "RF64", "PCM_16"), ("16.flac", "FLAC", "PCM_16"),
        ("vorbis.ogg", "OGG", "VORBIS"), ("opus.ogg", "OGG", "OPUS"), ("16.aiff", "AIFF", "PCM_16"),
        ("16.au", "AU", "PCM_16"), ("alac.caf", "CAF", "ALAC_16"), ("a.w64", "W64", "PCM_16"),
        ("a.mp3", "MP3", "MPEG_LAYER_III"),
    ):  # fmt: skip
        stream = io.BytesIO()
        samples = np.stack([tone(), -tone()], axis=1) if name == "24.wav" else tone()
        soundfile.write(stream, samples, 16_000, format=kind, subtype=coding)
        found[name] = stream.getvalue()
    for name, codec in (("aac.m4a", "aac"), ("opus.mkv", "libopus"), ("a.wmv", "wmav2"), ("ac3.ts", "ac3")):
        found[name] = with_pyav(name, "", sound=codec)
    return found


def read_sound(path: Path) -> object:
    from ditto.media.sound import open_sound, read_sound

    known = open_sound(path)
    heard = read_sound(path, normalise=True)
    sum(len(piece) for piece in islice(known.pieces(), MOST_READ))
    _, _, blocks = known.track.open()
    return heard.length, sum(len(block) for block in islice(blocks, MOST_READ))


def videos() -> dict[str, bytes]:
    found = {
        name: with_pyav(name, codec, pictures=8, sound=sound, **options)
        for name, codec, sound, options in (
            ("h264.mp4", "libx264", "aac", {"bf": "2", "g": "4"}),
            ("h265.mp4", "libx265", "", {"x265-params": "log-level=none"}),
            ("mpeg4.avi", "mpeg4", "libmp3lame", {}),
            ("mjpeg.mov", "mjpeg", "", {}),
            ("vp9.webm", "libvpx-vp9", "libopus", {}),
            ("vp8.webm", "libvpx", "", {}),
            ("ffv1.mkv", "ffv1", "", {}),
            ("h264.ts", "libx264", "", {}),
            ("prores.mov", "prores_ks", "", {}),
            ("moving.png", "apng", "", {}),
        )
    }
    frames = [portrait().rotate(10 * n) for n in range(4)]
    for name in ("moving.gif", "moving.webp"):
        stream = io.BytesIO()
        frames[0].save(stream, Path(name).suffix[1:].upper(), save_all=True, append_images=frames[1:])
        found[name] = stream.getvalue()
    return found


def read_video(path: Path) -> object:
    from ditto.media.picture import is_picture
    from ditto.media.video import VideoSource

    still = is_picture(path)
    for fps in (None, 25):
        with VideoSource(path, max_size=256, fps=fps) as video:
            last = video.count - 1
            for index in (*range(min(video.count, MOST_READ // 2)), last, last // 2, max(0, last - 3)):
                video.frame(index)
    return still


def settings() -> dict[str, bytes]:
    import yaml

    from cfg.reading import as_mapping
    from cfg.settings import Settings

    found = {
        f"{path.parent.name}_{path.name}": path.read_bytes()
        for folder in ("packs", "presets")
        for path in sorted((ROOT / "cfg" / folder).glob("*.yaml"))
    }
    found["all.yaml"] = yaml.safe_dump(as_mapping(Settings())).encode()
    return found


def read_settings(path: Path) -> object:
    from cfg.reading import as_mapping, load
    from stream_pipeline.file_checks import check_named
    from stream_pipeline.recipe import described

    loaded = load(path)
    check_named(loaded)
    return as_mapping(loaded), described(loaded)


def scripts() -> dict[str, bytes]:
    import json

    import yaml

    script = (ROOT / "examples" / "script.yaml").read_bytes()
    frames = {str(n): {"delta_yaw": n, "delta_exp": 0.5, "gaze_yaw": -n} for n in range(6)}
    parted = {"frames": {"0.2s": {"fade_alpha": 0.5, "fade_out_keys": ["exp"]}}, "always": {"smile": 0.2}}
    return {
        "script.yaml": script,
        "script.json": json.dumps(yaml.safe_load(script)).encode(),
        "frames.json": json.dumps(frames).encode(),
        "listed.json": json.dumps(list(frames.values())).encode(),
        "parted.yaml": yaml.safe_dump(parted).encode(),
    }


def read_script(path: Path) -> object:
    from ditto.motion.controls import ControlTrack
    from ditto.motion.script import Script

    script = Script.load(path)
    track = ControlTrack(script, fps=Fraction(30000, 1001))
    assert script.start <= script.end or script.end != script.end
    return [track.at(index) for index in (0, 1, 2, 30, 100, 260, 299, 10_000)], script.last_event


def lists() -> dict[str, bytes]:
    import yaml

    rows = "source,audio,output,motion.seed,output.fps\na.png,a.wav,a.mp4,3,29.97\nb.png,b.wav,,,\n"
    jobs = [
        {"source": "a.png", "audio": "a.wav", "output": "a.mp4", "settings": {"motion": {"seed": 3}}},
        {"source": "b.png", "audio": "b.wav"},
    ]
    listed = {"jobs": jobs, "defaults": {"settings": {"output": {"fps": "30000/1001"}}}}
    return {
        "jobs.csv": rows.encode(),
        "semicolons.csv": rows.replace(",", ";").encode(),
        "jobs.yaml": yaml.safe_dump(listed).encode(),
    }


def read_list(path: Path) -> object:
    from cfg.reading import load
    from stream_pipeline.batches.jobs import read_jobs
    from stream_pipeline.batches.journal import entry_of

    with path.open("rb") as file:
        entry_of(file.readline(MAX_LINE).rstrip())
    return [(str(job), load("mini", **job.over)) for job in read_jobs(path, path.parent)[:MOST_READ]]


def networks() -> dict[str, bytes]:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def graph(name: str, nodes: list[Any], shape: list[int], rank: int, **weights: Any) -> bytes:
        model = helper.make_model(
            helper.make_graph(
                nodes,
                name,
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * rank)],
                [numpy_helper.from_array(array, key) for key, array in weights.items()],
            ),
            opset_imports=[helper.make_opsetid("", 20)],
            ir_version=9,
        )
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    node = helper.make_node
    weights = {"w": np.ones((2, 3, 3, 3), np.float32), "to": np.array([1, -1])}
    painted = [
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Reshape", ["b", "to"], ["c"]),
        node("Transpose", ["c"], ["d"], perm=[1, 0]),
        node("Softmax", ["d"], ["y"], axis=0),
    ]
    shaped = [
        node("Shape", ["x"], ["s"]),
        node("ConstantOfShape", ["s"], ["z"]),
        node("Concat", ["x", "z"], ["k"], axis=1),
        node("Resize", ["k", "", "f"], ["r"], mode="linear"),
        node("Slice", ["r", "b", "e"], ["y"]),
    ]
    recurrent = [node("LSTM", ["x", "w", "r"], ["y"], hidden_size=2)]
    return {
        "painted.onnx": graph("painted", painted, [1, 3, 8, 8], 2, **weights),
        "shaped.onnx": graph(
            "shaped",
            shaped,
            [1, 2, 4, 4],
            4,
            f=np.array([1, 1, 2, 2], np.float32),
            b=np.array([0, 0]),
            e=np.array([1, 2]),
        ),
        "recurrent.onnx": graph(
            "recurrent",
            recurrent,
            [2, 1, 3],
            4,
            w=np.ones((1, 8, 3), np.float32),
            r=np.ones((1, 8, 2), np.float32),
        ),
        "detector.onnx": (ROOT / "checkpoints" / "mini" / "face_detector.onnx").read_bytes(),
    }


def read_network(path: Path) -> object:
    from model_formats.opening import open_model

    network = open_model(path, threads=1)
    try:
        sizes = {name: [n or 1 for n in shape] for name, shape in network.inputs.items()}
        if sum(int(np.prod(size, dtype=object)) for size in sizes.values()) > 1 << 20:
            return None
        return network.run({name: np.zeros(size, np.float32) for name, size in sizes.items()})
    finally:
        network.close()


def pickles() -> dict[str, bytes]:
    import pickle

    from tests.soak.fuzz_pickles import official

    return {f"{protocol}.pkl": pickle.dumps(official(), protocol) for protocol in range(6)}


def read_pickle(path: Path) -> object:
    from stream_pipeline.configuration import official_settings

    return official_settings(path, path.parent, {})


def pickled(_: str) -> Change:
    from tests.soak.fuzz_pickles import mutated

    return mutated


MAX_LINE = 1_000_000  # bytes of a journal's line that are looked at
LIBTIFF = r"[\w.]+: |Apparently should be "
LIBSNDFILE = r"\w+ \d+ : "
RUNTIME = r".*\[E:onnxruntime:Default|\s*nmemb="  # a logger that is not of the session
ASSERTED = r".*stl_algo\.h:.*std::clamp"  # ONNX Runtime's Slice of an empty axis; docs/formats.md

KINDS = {
    "pictures": Kind(0.2, pictures, lambda _: mutations.of_media, read_picture, noise=LIBTIFF),
    "sounds": Kind(0.2, sounds, lambda _: mutations.of_media, read_sound, noise=LIBSNDFILE),
    "videos": Kind(0.25, videos, lambda _: mutations.of_media, read_video),
    "settings": Kind(0.07, settings, mutations.of_values, read_settings),
    "scripts": Kind(0.08, scripts, mutations.of_values, read_script),
    "lists": Kind(
        0.05, lists, lambda s: mutations.of_table if s == ".csv" else mutations.of_values(s), read_list
    ),
    "networks": Kind(
        0.1, networks, lambda _: mutations.of_graph, read_network, noise=RUNTIME, native=ASSERTED
    ),
    "pickles": Kind(0.05, pickles, pickled, read_pickle),
}
