"""The official pack from files to video, on a folder in the official layout."""

from __future__ import annotations

import dataclasses
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import soundfile

import inference
from ditto.rates import SAMPLE_RATE, SAMPLES_PER_FRAME
from ditto.stages.messages import AudioChunk
from stream_pipeline.engine import Engine
from stream_pipeline.plan import motion_plan
from stream_pipeline.sdk import StreamSDK
from stream_pipeline.session import Session
from tests.rounding import share_of_official

FRAMES = 2  # a frame painted by the official networks takes seconds on one core
SAMPLES = FRAMES * SAMPLES_PER_FRAME - 200
STEPS = 2
HEIGHT, WIDTH = 320, 256

only = partial(pytest.mark.parametrize, "checkpoints", indirect=True)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "portrait.png"
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 4))
    return path


def voice(samples: int) -> np.ndarray:
    time = np.arange(samples) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * 180 * time) * np.sin(2 * np.pi * 3 * time)).astype(np.float32)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("voice") / "speech.wav"
    soundfile.write(path, voice(SAMPLES), SAMPLE_RATE)
    return path


@pytest.fixture(scope="module")
def engine(checkpoints: Any) -> Iterator[Callable[[str], Engine]]:
    """Networks of a format, those of one at a time: they take gigabytes."""
    opened: dict[str, Engine] = {}
    with ExitStack() as stack:

        def get(form: str) -> Engine:
            if form not in opened:
                stack.close()
                opened.clear()
                root, cfg = checkpoints.of(form)
                over = {"pack": {"device": "cpu"}, "motion": {"steps": STEPS}}
                opened[form] = stack.enter_context(Engine.load(cfg_pkl=cfg, data_root=root, over=over))
            return opened[form]

        yield get


@pytest.fixture(scope="module")
def pictures(engine: Callable[[str], Engine], portrait: Path) -> Callable[[str], np.ndarray]:
    """(n, H, W, 3) what a session with the networks of a format shows."""
    known: dict[str, np.ndarray] = {}

    def get(form: str) -> np.ndarray:
        if form not in known:
            loaded = engine(form)
            with loaded.session(loaded.register(portrait), mode="offline") as session:
                known[form] = shown(session)
        return known[form]

    return get


def shown(session: Session) -> np.ndarray:
    session.push(voice(SAMPLES))
    session.end()
    return np.stack([picture.image for picture in session.pictures()])


def command(root: Path, cfg: Path, speech: Path, portrait: Path, output: Path, *more: str) -> list[str]:
    """The reference's command line; its configurations ask for a GPU."""
    return [
        f"--data_root={root}",
        f"--cfg_pkl={cfg}",
        f"--audio_path={speech}",
        f"--source_path={portrait}",
        f"--output_path={output}",
        "--device=cpu",
        "--quiet",
        *more,
    ]


def read_back(path: Path) -> tuple[int, tuple[int, int], float]:
    """Frames, height and width of them, and seconds of sound in a video file."""
    with av.open(str(path)) as container:
        sizes = [(frame.height, frame.width) for frame in container.decode(video=0)]
        (sound,) = container.streams.audio
        heard = float(sound.duration * sound.time_base)
    assert len(set(sizes)) == 1
    return len(sizes), sizes[0], heard


@pytest.fixture
def rendered(
    checkpoints: Any, speech: Path, portrait: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., None]:
    """rendered(form, *flags): checks the video that the command line makes."""

    def check(form: str, *flags: str) -> None:
        output = tmp_path / "result.mp4"
        root, cfg = checkpoints.of(form)
        code = inference.main(command(root, cfg, speech, portrait, output, f"--steps={STEPS}", *flags))
        assert (code, capfd.readouterr().err) == (0, "")
        frames, size, heard = read_back(output)
        assert (frames, size) == (FRAMES, (HEIGHT, WIDTH))
        assert abs(heard - SAMPLES / SAMPLE_RATE) <= 1 / 25
        assert list(tmp_path.iterdir()) == [output]

    return check


@pytest.mark.parametrize("flags", [[], ["--online"], ["--compat"]], ids=["offline", "online", "compat"])
def test_the_command_line_of_the_reference_makes_a_video(flags, rendered):
    rendered("onnx", *flags)


@pytest.mark.full
@only(["official"])
@pytest.mark.parametrize("flags", [[], ["--online"], ["--compat"]], ids=["offline", "online", "compat"])
def test_the_command_line_of_the_reference_makes_a_video_of_pytorch_files(flags, rendered):
    rendered("torch", *flags)


@pytest.mark.full
@only(["official"])
def test_pytorch_and_onnx_show_the_same(pictures):
    """Rounding differs; the seeded decoder amplifies it to about one level."""
    one, other = pictures("torch"), pictures("onnx")
    assert one.shape == other.shape == (FRAMES, HEIGHT, WIDTH, 3)
    apart = np.abs(one.astype(int) - other)
    assert apart.max() <= 3
    assert apart.mean() < 0.02


def test_the_picture_moves_where_the_face_is_and_nowhere_else(pictures, portrait, engine):
    frames = pictures("onnx").astype(int)
    source = engine("onnx").register(portrait).first
    moved = np.abs(frames[1] - frames[0]).max(axis=-1) > 0
    left, top = source.landmarks.min(axis=0).astype(int)
    right, bottom = source.landmarks.max(axis=0).astype(int)
    assert moved[top:bottom, left:right].mean() > 0.3
    corner = source.to_frame @ np.array([[0, 512, 512, 0], [0, 0, 512, 512], [1, 1, 1, 1]])
    outside = np.ones((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(outside, [np.round(corner[:2].T).astype(np.int32)], 0)
    outside = cv2.erode(outside, np.ones((5, 5), np.uint8), borderValue=1)
    assert (frames == source.image)[:, outside > 0].all()


class Dawdling:
    """A pack whose networks rest for a random while before each call."""

    def __init__(self, pack: Any, seed: int) -> None:
        self._pack = pack
        self._random = random.Random(seed)

    def __getattr__(self, name: str) -> Any:
        made = getattr(self._pack, name)
        if name not in ("stitcher", "warper", "decoder", "compositor"):
            return made

        def slow(*settings: Any) -> Callable[..., Any]:
            role = made(*settings)

            def call(*args: Any) -> Any:
                time.sleep(self._random.uniform(0, 0.2))
                return role(*args)

            return call

        return slow


def test_the_same_seed_gives_the_same_bits_whatever_the_timing(engine, pictures, portrait):
    loaded = engine("onnx")
    pack = Dawdling(loaded.pack, seed=1)
    with Session(pack, loaded.register(portrait), loaded.settings) as session:
        np.testing.assert_array_equal(shown(session), pictures("onnx"))


def motion(loaded: Engine, portrait: Path, samples: int, **over: Any) -> list[tuple[int, np.ndarray]]:
    """Samples heard when each frame of motion came out, and its vector; nothing is painted."""
    settings = loaded.with_settings(over)
    stages = motion_plan(loaded.pack, loaded.register(portrait), settings).stages()
    sound, found = voice(samples), []
    for at in [*range(0, samples, 320), None]:
        items: list[Any] = [] if at is None else [AudioChunk(0, at, sound[at : at + 320])]
        for stage in stages:
            made = [result for item in items for result in stage.process(item)]
            items = made + (list(stage.flush()) if at is None else [])
        heard = samples if at is None else min(at + 320, samples)
        found += [(heard, item.vector) for item in items]
    return found


@pytest.mark.full
@only(["official"])
@pytest.mark.parametrize("mode", ["offline", "online"])
def test_pytorch_and_onnx_make_the_same_motion(mode, engine, portrait):
    one, other = (
        np.stack([vector for _, vector in motion(engine(form), portrait, 20 * 640, stream={"mode": mode})])
        for form in ("torch", "onnx")
    )
    bound = share_of_official("lmdm") * np.abs(one).max()
    np.testing.assert_allclose(one, other, rtol=0, atol=bound)


def test_another_seed_gives_other_motion(engine, portrait):
    first, second = (motion(engine("onnx"), portrait, SAMPLES, motion={"seed": n}) for n in (0, 1))
    assert np.abs(first[0][1] - second[0][1]).max() > 1e-3


def test_the_voice_is_heard(engine, portrait, monkeypatch):
    spoken = motion(engine("onnx"), portrait, SAMPLES)
    monkeypatch.setitem(globals(), "voice", lambda samples: np.zeros(samples, np.float32))
    silent = motion(engine("onnx"), portrait, SAMPLES)
    assert np.abs(spoken[-1][1] - silent[-1][1]).max() > 1e-3


@pytest.mark.parametrize("samples", [1, 640, 641, 7000, 60 * 640])
@pytest.mark.parametrize("mode", ["offline", "online"])
def test_every_voice_gets_one_motion_for_each_begun_frame(mode, samples, engine, portrait):
    found = motion(engine("onnx"), portrait, samples, stream={"mode": mode}, motion={"steps": 1})
    assert len(found) == -(-samples // SAMPLES_PER_FRAME)


def test_online_no_frame_waits_for_more_than_nine_tenths_of_a_second_of_voice(engine, portrait):
    """Ten new frames a window, ten to fade into the next one, two that the encoder looks ahead."""
    found = motion(engine("onnx online"), portrait, 50 * 640, motion={"steps": 1})
    waits = [heard - index * SAMPLES_PER_FRAME for index, (heard, _) in enumerate(found)]
    assert max(waits) == 22 * SAMPLES_PER_FRAME
    assert waits[0] == 22 * SAMPLES_PER_FRAME


def test_a_video_is_followed_there_and_back(engine, portrait, tmp_path):
    path = tmp_path / "source.mp4"
    still = cv2.imread(str(portrait))[..., ::-1]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for shift in range(3):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(still, shift, 1)), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    avatar = engine("onnx").register(path)
    frames = list(islice(avatar.play(), 5))
    assert [frame.index for frame in frames] == [0, 1, 2, 2, 1]
    for first, again in ((frames[2], frames[3]), (frames[1], frames[4])):
        np.testing.assert_array_equal(first.image, again.image)
        np.testing.assert_array_equal(first.appearance, again.appearance)
        np.testing.assert_array_equal(first.motion.pitch.values, again.motion.pitch.values)


@pytest.mark.parametrize("form", ["onnx", "onnx online"])
def test_a_script_written_for_the_reference_runs(form, checkpoints, portrait, tmp_path):
    root, cfg = checkpoints.of(form)
    audio = voice(SAMPLES)
    sdk = StreamSDK(cfg, root, device="cpu")
    sdk.setup(portrait, tmp_path / "result.mp4", sampling_timesteps=STEPS, emo=4)
    sdk.setup_Nd(N_d=FRAMES, fade_in=-1, fade_out=-1, ctrl_info={})
    if sdk.online_mode:
        chunksize = (3, 5, 2)
        padded = np.concatenate([np.zeros(chunksize[0] * 640, np.float32), audio])
        length = int(sum(chunksize) * 0.04 * 16000) + 80
        for at in range(0, len(padded), chunksize[1] * 640):
            chunk = padded[at : at + length]
            sdk.run_chunk(np.pad(chunk, (0, length - len(chunk)), mode="constant"), chunksize)
    else:
        sdk.audio2motion_queue.put(sdk.wav2feat.wav2feat(audio))
    sdk.close()
    with av.open(sdk.tmp_output_path) as container:
        assert len(list(container.decode(video=0))) == FRAMES


@pytest.fixture
def copied(checkpoints: Any, tmp_path: Path) -> Callable[[str], Path]:
    """The folder of a format by links, so that a file of it may be spoiled."""

    def copy(form: str) -> Path:
        root, _ = checkpoints.of(form)
        target = tmp_path / "spoiled"
        shutil.copytree(root, target, copy_function=lambda a, b: Path(b).symlink_to(a))
        return target

    return copy


FAULTS = ["missing", "empty", "cut short", "something else"]


@pytest.fixture
def refused(
    checkpoints: Any,
    copied: Callable[[str], Path],
    speech: Path,
    portrait: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> Callable[[str, str, str], None]:
    """refused(form, file, fault): checks that a render with the spoiled file names it in one line."""

    def check(form: str, file: str, fault: str) -> None:
        root, cfg = copied(form), checkpoints.of(form)[1]
        spoiled, output = root / file, tmp_path / "result.mp4"
        whole = spoiled.read_bytes()
        spoiled.unlink()
        if fault != "missing":
            spoiled.write_bytes(
                {"empty": b"", "cut short": whole[: len(whole) // 2], "something else": b"hello" * 99}[fault]
            )
        code = inference.main(command(root, cfg, speech, portrait, output))
        said = capfd.readouterr().err
        assert (code, len(said.splitlines())) == (1, 1)
        assert spoiled.name in said
        assert not output.exists()

    return check


@only(["small"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoiled_checkpoint_is_named_in_one_line(fault, refused):
    refused("onnx", "warp_network.onnx", fault)


@pytest.mark.full
@only(["official"])
@pytest.mark.parametrize("file", ["models/appearance_extractor.pth", "aux_models/det_10g.onnx"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoiled_checkpoint_of_pytorch_is_named_in_one_line(fault, file, refused):
    refused("torch", file, fault)


@pytest.mark.full
@only(["official"])
def test_a_device_that_is_not_there_is_refused(checkpoints, speech, portrait, tmp_path, capfd):
    import torch

    if torch.cuda.is_available():
        pytest.skip("the device is there")
    root, cfg = checkpoints.of("torch")
    arguments = command(root, cfg, speech, portrait, tmp_path / "result.mp4")
    code = inference.main([a for a in arguments if not a.startswith("--device")])
    said = capfd.readouterr().err
    assert (code, len(said.splitlines())) == (1, 1)
    assert "'cuda' was asked for" in said


@pytest.mark.full
@only(["official"])
def test_networks_in_halves_are_used_where_they_lie_and_show_the_same(
    checkpoints, engine, pictures, portrait, tmp_path
):
    from ditto.packs.official.graphs import GRAPHS
    from ditto.packs.official.networks.checkpoint import load
    from model_formats.export import export_onnx

    weights = engine("torch").settings.pack.files
    settings = engine("onnx").settings
    whole = {"warp_network": ("warp_source", "warp_frame"), "lmdm": ("lmdm_window", "lmdm_step")}
    for role, halves in whole.items():
        network = load(role, checkpoints.of("torch")[0] / weights[role])
        for name in halves:
            graph = GRAPHS[name]
            example = graph.example({"batch": 1, "steps": 3, "conditions": 1103}).values()
            path = tmp_path / f"{name}.onnx"
            export_onnx(
                graph.part(network),
                path,
                list(graph.inputs),
                list(graph.outputs),
                list(example),
                open_axes=graph.open_axes(),
            )
    files = {**settings.pack.files, **{role: str(tmp_path / f"{role}.onnx") for role in whole}}
    split = dataclasses.replace(settings, pack=dataclasses.replace(settings.pack, files=files))
    with (
        Engine.load(split) as loaded,
        loaded.session(loaded.register(portrait), mode="offline") as session,
    ):
        made = shown(session)
    assert np.abs(made.astype(int) - pictures("onnx")).max() <= 1
