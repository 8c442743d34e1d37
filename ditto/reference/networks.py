"""Feeding and reading of the official networks: ours, and the reference's where it differs.

Packs choose between the two here; a stream's own conventions are in `conventions.py`.
"""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image

Pixels = Floats | Image


class NetworkConventions:
    """Ours: a followed face is confirmed, settings are honoured, levels are rounded."""

    confirms_faces = True  # whether the detector looks again at a face that is followed
    keeps_noise = False  # whether the noise of the sampler's steps is drawn once for all windows

    def shift_right(self, ratio: float) -> float:
        """Shift of the crop to the right, in its sides, where the settings ask for `ratio`."""
        return ratio

    def mesh_scales(self, width: int, height: int) -> tuple[Floats, Floats]:
        """Pixels of a picture that a detected box (x, y) and its eyes (x, y) count in."""
        scale = np.array([width, height], np.float32)
        return scale, scale

    def blended(self, painted: Pixels, kept: Pixels, levels: Pixels) -> Pixels:
        """Levels 0..255 of two weighted pictures, in one of `painted` and `levels`: rounded, so that a
        square that equals the picture gives back the picture."""
        return np.asarray(cv2.add(painted, kept, dst=levels, dtype=cv2.CV_8U), np.uint8)


class ReferenceNetworks(NetworkConventions):
    """The reference's, faults included."""

    confirms_faces = False
    keeps_noise = True

    def shift_right(self, ratio: float) -> float:
        """None: the setting has no effect."""
        return 0.0

    def mesh_scales(self, width: int, height: int) -> tuple[Floats, Floats]:
        """Width and height mixed up, which shows in pictures that are not square."""
        return np.array([height, width], np.float32), np.ones(2, np.float32)

    def blended(self, painted: Pixels, kept: Pixels, levels: Pixels) -> Pixels:
        """Fractions are cut off: at most one level darker."""
        cv2.add(painted, kept, dst=painted)
        return np.asarray(np.clip(painted, 0, 255, out=painted), np.float32)


OUR_NETWORKS, REFERENCE_NETWORKS = NetworkConventions(), ReferenceNetworks()


def network_conventions(compat: bool) -> NetworkConventions:
    """Ours, or the reference's where `stream.compat` asks for them."""
    return REFERENCE_NETWORKS if compat else OUR_NETWORKS
