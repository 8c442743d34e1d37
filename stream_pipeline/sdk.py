"""The reference's `StreamSDK`, over the same engine: its scripts run after changing one import."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cfg.argument_checks import kind_of, path_of, whole_of
from cfg.errors import ConfigError
from cfg.reading import merge
from ditto.arrays import Floats, Image
from ditto.media.encode import open_sink
from ditto.media.sink import Sink
from ditto.media.sound import sound_of
from ditto.motion.controls import checked_frames
from ditto.motion.script import Script, as_frames
from ditto.rates import SAMPLE_RATE, SAMPLES_PER_FRAME
from ditto.source.avatar import AnyAvatar
from stream_pipeline.engine import Engine
from stream_pipeline.keywords import nested
from stream_pipeline.output_steps import picture_size
from stream_pipeline.session import Session, floats_of


class StreamSDK:
    """One video at a time: `setup`, then sound by `run_chunk` or features by the queue, then `close`.

    The silent video is written to `tmp_output_path`, as the reference does; `Engine.render` writes
    sound and picture in one go. Keywords are those of the reference; an unknown one is refused.
    """

    def __init__(
        self,
        cfg_pkl: str | Path,
        data_root: str | Path | None = None,
        *,
        device: str | None = None,
        **kwargs: object,
    ) -> None:
        """`cfg_pkl` is an official `.pkl`, or one of our configuration names or YAML files.

        `device` takes the place of the one the configuration names: cpu, cuda or cuda:N.
        """
        name = str(cfg_pkl)
        over = merge(nested(kwargs), {} if device is None else {"pack": {"device": device}})
        if name.endswith(".pkl"):
            self._engine = Engine.load(cfg_pkl=cfg_pkl, data_root=data_root, over=over)
        else:
            self._engine = Engine.load(name, data_root=data_root, over=over)
        self._session: Session | None = None
        self._drained: threading.Thread | None = None
        self._error: BaseException | None = None
        self.online_mode = self._engine.settings.online
        self.wav2feat = _Encoder(self)
        self.audio2motion_queue = _FeatureQueue(self)

    def setup(self, source_path: str | Path, output_path: str | Path, **kwargs: object) -> None:
        """Register the source and start the stages; a stream that still runs is closed first."""
        if self._session is not None:
            self.close()
        source, output = path_of(source_path, "source"), path_of(output_path, "output")
        self._frames = frames_wanted(kwargs.get("N_d", -1))
        self.online_mode = bool(kwargs.get("online_mode", self.online_mode))
        self._options = nested(kwargs)
        self._options = merge(
            self._options, {"stream": {"mode": "online" if self.online_mode else "offline"}}
        )
        self._source_path = source
        self.output_path = str(output)
        self.tmp_output_path = self.output_path + ".tmp.mp4"
        self._avatar: AnyAvatar = self._engine.register(self._source_path, **self._options.get("source", {}))
        self._fed = 0
        self._given = 0
        self._start()

    def setup_Nd(
        self,
        N_d: int,
        fade_in: int = -1,
        fade_out: int = -1,
        ctrl_info: object = None,
    ) -> None:
        """Sets the number of frames, the lengths of fades, and controls by frame or a script."""
        session = self._running("setup_Nd")
        self._frames = frames_wanted(N_d)
        given: object = as_frames(ctrl_info)
        if isinstance(given, Script):
            session.controls.play(given, at=0)
        elif ctrl_info is not None:
            for frame, controls in checked_frames(ctrl_info).items():
                session.controls.set(frame, **controls)
        session.controls.fade(self._frames, max(frames_wanted(fade_in), 0), max(frames_wanted(fade_out), 0))

    def run_chunk(self, audio_chunk: object, chunksize: tuple[int, int, int] = (3, 5, 2)) -> None:
        """One window of 16 kHz sound: past, new and future frames; the next starts `new` frames later."""
        session = self._running("run_chunk")
        samples = floats_of(audio_chunk, "the chunk")
        past, new, future = sizes_of(chunksize)
        length = (past + new + future) * SAMPLES_PER_FRAME + 80
        if samples.shape != (length,):
            raise ConfigError(
                f"a chunk of sizes {tuple(chunksize)} has {length} samples, not {samples.shape}"
            )
        fresh = samples[past * SAMPLES_PER_FRAME :] if self._fed == 0 else samples[-new * SAMPLES_PER_FRAME :]
        self._fed += 1
        session.push(fresh[: self._wanted(len(fresh), SAMPLES_PER_FRAME)])

    def close(self) -> None:
        """Wait for the last frame and finish the video; raises what went wrong on the way."""
        session, self._session = self._session, None
        if session is None:
            return
        try:
            session.end()
            assert self._drained is not None
            self._drained.join()
            if self._error is not None:
                raise self._error
            self._sink.close()
        except BaseException:
            self._sink.abort()
            raise
        finally:
            session.close()

    def __enter__(self) -> StreamSDK:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        elif self._session is not None:
            self._session.close()
            self._session = None
            self._sink.abort()
        self._engine.close()

    def _start(self) -> None:
        engine = self._engine
        settings = engine.with_settings(self._options)
        shape = picture_size(self._avatar, settings)
        inputs = engine.inputs(settings)
        inputs.check(Path(self.output_path))
        self._sink: Sink = open_sink(Path(self.tmp_output_path), shape, None, settings.output, inputs)
        limited = _Limited(self._sink, lambda: self._frames)
        self._error = None
        self._session = Session(engine.pack, self._avatar, settings, sink=limited)
        self._session.__enter__()
        self._drained = threading.Thread(target=self._drain, args=(self._session,), daemon=True)
        self._drained.start()

    def _drain(self, session: Session) -> None:
        try:
            for _ in session.pictures():
                pass
        except BaseException as error:  # raised again by whoever closes: half a video is none
            self._error = error

    def _running(self, asked: str) -> Session:
        if self._session is None:
            raise ConfigError(f"{asked} needs a running stream: call setup first")
        if self._error is not None:
            raise self._error
        return self._session

    def _wanted(self, count: int, per_frame: int) -> int:
        """Number of samples or rows that still belong to the frames that were asked for."""
        if self._frames > 0:
            count = min(count, self._frames * per_frame - self._given)
        self._given += count
        return count

    def _encode(self, audio: object, sr: int) -> Floats:
        settings = self._engine.with_settings({"stream": {"mode": "offline"}})
        stream = self._engine.pack.speech(settings)
        voice = sound_of(floats_of(audio, "the voice"), sr).samples
        return np.concatenate([stream.push(voice), stream.flush()])


def frames_wanted(given: object) -> int:
    """A number of frames; -1 is all, or none where they fade."""
    return whole_of(given, "the number of frames", -1, 10_000_000)


def sizes_of(chunksize: object) -> tuple[int, int, int]:
    """Frames of past, new and future sound."""
    if not isinstance(chunksize, Sequence) or len(chunksize) != 3:
        raise ConfigError(f"chunksize is {kind_of(chunksize)}, but must be three numbers: past, new, future")
    past, new, future = (whole_of(frames, "chunksize", 0, 75) for frames in chunksize)
    return past, new, future


class _Encoder:
    """Called by scripts as `SDK.wav2feat.wav2feat(audio)`."""

    def __init__(self, sdk: StreamSDK) -> None:
        self._sdk = sdk

    def wav2feat(self, audio: object, sr: int = SAMPLE_RATE) -> Floats:
        """(n, C) features of a whole voice, 25 rows a second."""
        return self._sdk._encode(audio, sr)


class _FeatureQueue:
    """Called by scripts as `SDK.audio2motion_queue.put(features)`; None is the end and may be left out."""

    def __init__(self, sdk: StreamSDK) -> None:
        self._sdk = sdk

    def put(self, features: Floats | None) -> None:
        if features is not None:
            session = self._sdk._running("audio2motion_queue.put")
            rows = floats_of(features, "the features", axes=2)
            session.push_features(rows[: self._sdk._wanted(len(rows), 1)])


class _Limited:
    """A sink that takes only the first so many frames; -1 is all."""

    def __init__(self, sink: Sink, limit: Callable[[], int]) -> None:
        self._sink = sink
        self._limit = limit

    def write(self, image: Image, index: int) -> None:
        if self._limit() <= 0 or index < self._limit():
            self._sink.write(image, index)

    def close(self) -> None:
        self._sink.close()

    def abort(self) -> None:
        self._sink.abort()
