"""The built-in pack: its files opened, its parts in their roles."""

from __future__ import annotations

from pathlib import Path

from cfg.settings import PackSettings, Settings
from ditto import bundled
from ditto.arrays import Floats, Image
from ditto.faces.finder import FaceFinder
from ditto.motion.motion_scale import FaceRoles
from ditto.motion.vector import to_vector
from ditto.packs.base import Compositor, as_painted
from ditto.packs.mini.background.person_mask import MeshSilhouette
from ditto.packs.mini.motion.expression import face_roles
from ditto.packs.mini.motion.face_movements import FACE
from ditto.packs.mini.motion.lip_readout import LISTENING, Listening, load_readout
from ditto.packs.mini.motion.sampler import MiniSampler
from ditto.packs.mini.paint.decoder import MiniDecoder
from ditto.packs.mini.paint.warper import MiniWarper
from ditto.packs.mini.source.analyser import MiniAnalyser
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.packs.mini.speech.encoder import WhisperStream
from ditto.packs.mini.speech.voice_level import WithLoudness
from ditto.packs.mini.traits import TRAITS
from ditto.picture.cutout.alpha_network import AlphaNetwork
from ditto.picture.cutout.matting import Person
from ditto.source.avatar import SourceFrame
from model_formats import open_model
from model_formats.shared import SharedModels


class MiniPack:
    """Opened once and shared by all sessions; the methods make what belongs to one session."""

    traits = TRAITS
    online_overlap = 79
    online_delay = 0
    smoothing: int | None = 1
    batch = 1
    face = FACE

    def __init__(self, settings: PackSettings) -> None:
        threads = settings.threads or 1
        self.models = SharedModels(threads=settings.threads or None)
        brought = AlphaNetwork.opened(settings.matting, self.models) if settings.matting else None
        self._encoder = open_model(bundled.path("speech_encoder.onnx"), threads=threads)
        self._finder = FaceFinder.open(bundled.FOLDER, threads)
        motion = bundled.path("motion.npz")
        self._person: Person = brought or self._finder.person
        self._readouts = {online: load_readout(motion, online=online) for online in (False, True)}

    def analyser(self, settings: Settings) -> MiniAnalyser:
        return MiniAnalyser.of(self._finder, settings.source, self._person)

    def speech(self, settings: Settings) -> WithLoudness:
        cut = LISTENING["online" if settings.online else "offline"]
        if settings.online:  # the newest frame stays at its place in the window
            hop = settings.audio.hop
            cut = Listening(hop=hop, lookahead=settings.audio.lookahead, past=cut["past"] + cut["hop"] - hop)
        stream = WhisperStream(self._encoder, **cut)
        return WithLoudness(stream, stream.ahead)

    def sampler(self, settings: Settings, source: SourceFrame[MiniAppearance], overlap: int) -> MiniSampler:
        return MiniSampler(
            self._readouts[settings.online],
            to_vector(source.motion),
            overlap=overlap,
            online=settings.online,
            loudness=True,
        )

    def rest(self, source: SourceFrame[MiniAppearance]) -> Floats | None:
        """The portrait's own motion: what the sampler makes is absolute."""
        return to_vector(source.motion)

    def roles(self, source: SourceFrame[MiniAppearance]) -> FaceRoles:
        return face_roles(source)

    def stitcher(self) -> None:
        """None: mini's mesh holds the shoulders itself."""

    def warper(self) -> MiniWarper:
        return MiniWarper()

    def decoder(self) -> MiniDecoder:
        return MiniDecoder()

    def compositor(self, settings: Settings) -> Compositor[MiniAppearance, Image]:
        return as_painted

    def silhouette(self) -> MeshSilhouette:
        return MeshSilhouette(self._person)

    def model_files(self) -> list[Path]:
        """None: a face is measured faster than it could be read back."""
        return []

    def close(self) -> None:
        self._encoder.close()
        self._finder.close()
        self.models.close()
