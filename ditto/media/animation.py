"""GIF and WebP animations, encoded while the pictures come."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from cfg.frame_rates import Rate
from ditto.arrays import Image
from ditto.media.files import address


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
        """Closes the file, whatever it holds."""
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
