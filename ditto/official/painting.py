"""What the official pack's two painting networks mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from ditto.messages import Floats, Pose
from ditto.official.backend import Network


class OfficialWarper:
    """Moves a portrait's feature volume from its own keypoints to the driven ones."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, pose: Pose) -> Any:
        """(1, 256, 64, 64) features."""
        feeds = {
            "feature_3d": pose.source.appearance,
            "kp_source": pose.at_rest,
            "kp_driving": pose.driven,
        }
        return self._network.run(feeds)["out"]


class OfficialDecoder:
    """Paints warped features as a head."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, pose: Pose, warped: Any) -> Floats:
        """(512, 512, 3) RGB in 0..255, not rounded."""
        (painted,) = self._network.run({"feature": warped})["output"]  # (3, 512, 512) in 0..1
        face = np.empty((*painted.shape[1:], 3), np.float32)
        np.clip(painted.transpose(1, 2, 0), 0, 1, out=face)
        face *= 255
        return face
