"""The official Ditto pack: its files opened, its networks in their roles."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from cfg.errors import ConfigError, ModelError, did_you_mean
from cfg.settings import PackSettings, Settings
from ditto import bundled
from ditto.arrays import Floats
from ditto.faces.mask import PersonMask
from ditto.motion.diffusion import Denoiser, DiffusionSampler
from ditto.motion.dpm_solver import FewStepSampler
from ditto.motion.mixing import LIP_MASK
from ditto.motion.motion_scale import FaceRoles
from ditto.packs.base import BatchWarper, Compositor, Sampler, SpeechStream, Stitcher
from ditto.packs.official.analyser import FaceNetworks, OfficialAnalyser
from ditto.packs.official.blaze_face import BlazeFace
from ditto.packs.official.denoiser import GraphDenoiser, HalvedDenoiser
from ditto.packs.official.detector import FaceDetector
from ditto.packs.official.expressions import FACE
from ditto.packs.official.face_mesh import FaceMesh, Landmark478
from ditto.packs.official.hubert import (
    HubertStream,
    TransformersEncoder,
    local_speech_stream,
    reference_file_framing,
    reference_live_framing,
)
from ditto.packs.official.landmark106 import Landmark106
from ditto.packs.official.landmark203 import Landmark203
from ditto.packs.official.light_matching import Lit
from ditto.packs.official.painting import HalvedWarper, OfficialDecoder, OfficialWarper
from ditto.packs.official.paste_back import OfficialCompositor, mask_for
from ditto.packs.official.silhouette import PaintedSilhouette
from ditto.packs.official.task_file import TaskFile
from ditto.packs.official.traits import TRAITS
from ditto.packs.official.volume import Features, Volume
from ditto.picture.cutout.alpha_network import AlphaNetwork
from ditto.reference.networks import network_conventions
from ditto.source.avatar import SourceFrame
from model_formats.backend import Backend, DeviceBackend, NetworkArray, Precision, existing
from model_formats.batching import Batches, quickest, takes_batches
from model_formats.opening import open_model
from model_formats.processor import lacks
from model_formats.shared import SharedModels

if TYPE_CHECKING:
    from torch import Tensor

PAINTING = ("appearance_extractor", "motion_extractor", "warp_network", "decoder", "stitch_network")
FACE_NETWORKS = ("insightface_det", "landmark106", "landmark203")
MEASURING = (
    "appearance_extractor",
    "motion_extractor",
    "insightface_det",
    "landmark106",
    "landmark203",
    "blaze_face",
    "face_mesh",
    "face_landmarker_task",
)
HALVES = {"warp_network": ("warp_source", "warp_frame"), "lmdm": ("lmdm_window", "lmdm_step")}
PAINTERS = ("warp_network", "warp_frame", "decoder")  # what runs once a frame, and may run in batches
EVERY_FRAME = ("stitch_network", "warp_network", "decoder")  # as PyTorch files
TORCH_FILES = (".pth", ".pt")
MESH = ("blaze_face", "face_mesh")


class OfficialPack:
    """Opened once and shared by all sessions; the methods make what belongs to one session."""

    traits = TRAITS
    online_overlap = 70
    online_delay = 10
    smoothing: int | None = None
    face = FACE

    def __init__(self, settings: PackSettings) -> None:
        check_roles(settings)
        self._settings = settings
        self._open: dict[str, Backend] = {}
        self._closing = ExitStack()  # of what is no backend
        self.models = SharedModels(settings.device, settings.threads or None)
        self._local: TransformersEncoder | None = None  # where hubert is a folder, not a graph
        try:
            for role in PAINTING + FACE_NETWORKS:
                for name, path in graphs_of(role, self._path(role)).items():
                    self._open[name] = self._opened(role, path)
            speech = self._path("hubert")
            if speech.is_dir():
                tf32 = settings.precision == "tf32"
                self._local = TransformersEncoder(speech, self._device("hubert"), tf32=tf32)
            else:
                self._open["hubert"] = self._opened("hubert", speech)
            self._landmark478 = self._mesh_networks()
            self._denoiser = self._open_denoiser()
            brought = settings.matting
            self._alpha = AlphaNetwork.opened(brought, self.models) if brought else None
            self._painting = {n: self._open[n] for n in PAINTERS if n in self._open}
            self.batch = batch_size(self._painting, settings.batch)
            wait = settings.wait / 1000 if settings.share else None
            self._batches = {
                name: Batches(network, self.batch, fixed=settings.fixed_batches, wait=wait)
                for name, network in self._painting.items()
            }
        except BaseException:
            self.close()
            raise

    def analyser(self, settings: Settings) -> OfficialAnalyser:
        networks = FaceNetworks(
            detect=FaceDetector(*self._fed("insightface_det")),
            landmark106=Landmark106(*self._fed("landmark106")),
            landmark203=Landmark203(*self._fed("landmark203")),
            landmark478=Landmark478(*self._landmark478, compat=settings.compat),
            motion=self._network("motion_extractor"),
            appearance=self._network("appearance_extractor"),
        )
        return OfficialAnalyser(networks, settings.source, settings.compat)

    def speech(self, settings: Settings) -> SpeechStream:
        chunk = settings.audio.chunk
        if self._local is not None:
            return local_speech_stream(self._local, online=settings.online, chunk=chunk)
        if not settings.compat:
            return HubertStream(self._network("hubert"), chunk)
        framing = reference_live_framing if settings.online else reference_file_framing
        return HubertStream(self._network("hubert"), chunk, framing)

    def sampler(self, settings: Settings, source: SourceFrame[Volume], overlap: int) -> Sampler:
        if settings.motion.solver == "dpm++":
            return FewStepSampler(self._denoiser, settings.motion.steps)
        way = network_conventions(settings.compat)
        return DiffusionSampler(self._denoiser, settings.motion.steps, keep_noise=way.keeps_noise)

    def rest(self, source: SourceFrame[Volume]) -> Floats | None:
        """None: motion counts from its own first frame."""
        return None

    def roles(self, source: SourceFrame[Volume]) -> FaceRoles:
        """Lips alone: what else moves is the eyes, which are told what to do."""
        lips: Floats = LIP_MASK.reshape(63)
        nothing = np.zeros(63, np.float32)
        own = np.array(source.motion.exp, np.float32).reshape(63)
        return FaceRoles(own, lips, lips, nothing, np.full(63, np.inf, np.float32))

    def stitcher(self) -> Stitcher:
        return OfficialStitcher(self._network("stitch_network"))

    def warper(self) -> BatchWarper[Volume, Features]:
        if "warp_network" in self._open:
            return OfficialWarper(self._batches["warp_network"], place=self._place())
        source, frame = HALVES["warp_network"]
        return HalvedWarper(self._open[source], self._batches[frame], place=self._place())

    def decoder(self) -> OfficialDecoder:
        return OfficialDecoder(self._batches["decoder"])

    def compositor(self, settings: Settings) -> Compositor[Volume, Floats]:
        plain = OfficialCompositor(mask_for(settings.blend.mode), settings.compat)
        return Lit(plain) if settings.output.match_light else plain

    def silhouette(self) -> PaintedSilhouette:
        if self._alpha is not None:
            return PaintedSilhouette(self._alpha)
        person = self.models.open(bundled.path("person_mask.onnx"), device="cpu", threads=1)
        return PaintedSilhouette(PersonMask(person))

    def model_files(self) -> list[Path]:
        return measuring_files(self._settings)

    def close(self) -> None:
        for backend in self._open.values():
            backend.close()
        self._open.clear()
        self._closing.close()
        self.models.close()

    def _network(self, role: str) -> Backend:
        return self._open[role]

    def _fed(self, role: str) -> tuple[Backend, str]:
        """A network, and the name of its first input."""
        (name, *_) = self._open[role].inputs
        return self._open[role], name

    def _path(self, role: str) -> Path:
        return path_of(role, self._settings)

    def _device(self, role: str) -> str:
        return "cpu" if role in self._settings.on_processor else self._settings.device

    def _precision(self, device: str) -> Precision:
        """The one asked for, or fp32 for what stays on a processor without it beside a GPU."""
        precision: Precision = self._settings.precision  # type: ignore[assignment]
        beside_gpu = device == "cpu" and self._settings.device != "cpu"
        return "fp32" if beside_gpu and (precision == "tf32" or lacks(precision)) else precision

    def _opened(self, role: str, path: Path) -> Backend:
        settings, device = self._settings, self._device(role)
        threads = settings.threads or None
        alike = path.suffix == self._path("decoder").suffix and device == self._device("decoder")
        keep = device != "cpu" and role == "warp_network" and alike  # for the decoder
        if path.suffix not in TORCH_FILES:
            keep = keep and settings.batch == 1  # batches of frames are put together on the host
            return open_model(path, device, "stored", threads=threads, keep_on_device=keep)
        from ditto.packs.official.networks.checkpoint import network

        return open_model(
            path,
            device,
            self._precision(device),
            network(role),
            threads=threads,
            keep_on_device=keep or (device != "cpu" and role == "decoder"),  # levels are rounded there
            graphs=settings.graphs and device != "cpu" and role in EVERY_FRAME,
        )

    def _place(self) -> Callable[[Volume], Volume] | None:
        """Function that brings a portrait's volume to a GPU once, not with every frame."""
        weights = self._path("warp_network").suffix in TORCH_FILES
        if self._device("warp_network") == "cpu" or not (weights or self.batch == 1):
            return None  # arrays of other libraries are put together to batches on the host
        network = self._painting.get("warp_network") or self._painting["warp_frame"]
        return partial(cast(DeviceBackend, network).place, "feature_3d")

    def _open_denoiser(self) -> Denoiser:
        path = self._path("lmdm")
        if path.suffix in TORCH_FILES:
            from ditto.packs.official.denoiser_weights import load_denoiser

            device = self._device("lmdm")
            graphs = self._settings.graphs and device != "cpu"
            denoiser = load_denoiser(existing(path), device, self._precision(device), graphs=graphs)
            self._closing.callback(denoiser.close)
            return denoiser
        opened = {name: self._opened("lmdm", file) for name, file in graphs_of("lmdm", path).items()}
        self._open |= opened
        if len(opened) == 1:
            return GraphDenoiser(*opened.values())
        return HalvedDenoiser(*opened.values())

    def _mesh_networks(self) -> tuple[BlazeFace, FaceMesh]:
        files = self._settings.files
        if all(role in files for role in MESH):
            for role in MESH:
                self._open[role] = self._opened(role, self._path(role))
        elif "face_landmarker_task" in files:
            bundle = TaskFile(self._path("face_landmarker_task"))
            self._open["blaze_face"] = self._converted(bundle.detector, "face_detector")
            self._open["face_mesh"] = self._converted(bundle.mesh, "face_landmarks_detector")
        else:
            raise ModelError("pack.files must name blaze_face and face_mesh, or face_landmarker_task")
        return (
            BlazeFace(*self._fed("blaze_face")),
            FaceMesh(*self._fed("face_mesh")),
        )

    def _converted(self, graph: bytes, name: str) -> Backend:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.onnx"
            path.write_bytes(graph)
            return open_model(path, threads=self._settings.threads or None)


def path_of(role: str, settings: PackSettings) -> Path:
    """The file of a role."""
    named = settings.files.get(role)
    if named is None:
        raise ConfigError(f"pack.files names no file for '{role}'")
    path = Path(named)
    return path if path.is_file() else Path(settings.root) / named


def measuring_files(settings: PackSettings) -> list[Path]:
    """The files that measurements of a portrait depend on."""
    measuring = [path_of(role, settings) for role in MEASURING if role in settings.files]
    return [*measuring, Path(settings.matting)] if settings.matting else measuring


def check_roles(settings: PackSettings) -> None:
    """Raises ConfigError where something is to stay on the processor that the pack does not have."""
    for role in settings.on_processor:
        if role not in settings.files:
            raise ConfigError(
                f"pack.on_processor names '{role}', but must name roles of pack.files"
                f"{did_you_mean(role, settings.files)}"
            )


def batch_size(networks: Mapping[str, Backend], wanted: int) -> int:
    """The size that is wanted, or the quickest for 0; networks must take it."""
    if wanted == 1:
        return 1
    closed = [name for name, network in networks.items() if not takes_batches(network.inputs)]
    if closed and wanted:
        raise ModelError(
            f"{', '.join(closed)} takes one frame at a time, but pack.batch is {wanted}; "
            "make files that take more with `python -m ditto export`"
        )
    if closed:
        return 1
    return wanted or quickest(lambda size: seconds_for(networks, size))


def seconds_for(networks: Mapping[str, Backend], size: int) -> float:
    """Seconds to move and paint a batch, the second time."""
    took = 0.0
    for network in networks.values():
        feeds = {
            name: np.zeros((size, *(side or 1 for side in shape[1:])), np.float32)
            for name, shape in network.inputs.items()
        }
        settled(network.run(feeds))
        began = time.perf_counter()
        settled(network.run(feeds))
        took += time.perf_counter() - began
    return took


def settled(outputs: Mapping[str, NetworkArray]) -> None:
    """Returns when results that were left on a device are there."""
    for value in outputs.values():
        if hasattr(value, "cpu"):
            cast("Tensor", value).flatten()[:1].cpu()


class OfficialStitcher:
    """Bends driven keypoints so that the shoulders stay where they are."""

    def __init__(self, network: Backend) -> None:
        self._network = network

    def __call__(self, at_rest: Floats, driven: Floats) -> Floats:
        feeds: dict[str, NetworkArray] = {"kp_source": at_rest, "kp_driving": driven}
        (bent,) = self._network.run(feeds).values()
        return np.asarray(bent, np.float32)


def graphs_of(role: str, path: Path) -> dict[str, Path]:
    """The graph of a role, or the two it comes in where both lie beside it."""
    (precision,) = re.findall(r"_fp(?:16|32)$", path.stem) or ("",)  # as engines are named
    halves = {name: path.with_name(f"{name}{precision}{path.suffix}") for name in HALVES.get(role, ())}
    if halves and path.suffix not in TORCH_FILES and all(half.is_file() for half in halves.values()):
        return halves
    return {role: path}
