"""The official pack's two painting networks, above their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from ditto.arrays import Floats
from ditto.packs.official.volume import Features, Volume
from ditto.stages.messages import Pose
from model_formats.backend import Network, NetworkArray

WARPED, PAINTED = "out", "output"  # names that the two networks have for what they give


class BatchNetwork(Network, Protocol):
    """A network that runs several calls at once where it is asked to."""

    def many(self, calls: Sequence[Mapping[str, NetworkArray]]) -> Sequence[Mapping[str, NetworkArray]]: ...


class OfficialWarper:
    """Moves a portrait's feature volume from its own keypoints to the driven ones."""

    def __init__(
        self,
        network: BatchNetwork,
        *,
        place: Callable[[Volume], Volume] | None = None,
    ) -> None:
        """`place` brings a portrait's volume, the largest input by far, to where the network runs; else every
        frame brings it there.
        """
        self._network = network
        self._place = place
        self._seen: Volume | None = None  # the last volume; a portrait has only one
        self._there: Volume | None = None  # the same, where the network runs

    def __call__(self, pose: Pose[Volume]) -> Features:
        """(1, 256, 64, 64) features."""
        return self._network.run(self._feeds(pose))[WARPED]

    def many(self, poses: Sequence[Pose[Volume]]) -> list[Features]:
        return [made[WARPED] for made in self._network.many([self._feeds(pose) for pose in poses])]

    def _feeds(self, pose: Pose[Volume]) -> dict[str, NetworkArray]:
        volume = pose.source.look
        return {
            "feature_3d": volume if self._place is None else self._brought(volume, self._place),
            "kp_source": pose.at_rest,
            "kp_driving": pose.driven,
        }

    def _brought(self, volume: Volume, place: Callable[[Volume], Volume]) -> Volume:
        """The volume where the network runs, from the second time on: a video has another in every frame."""
        if volume is not self._seen:
            self._seen, self._there = volume, None
            return volume
        if self._there is None:
            self._there = place(volume)
        return self._there


class HalvedWarper(OfficialWarper):
    """The same by two graphs: one looks at a portrait once, the other moves it frame by frame."""

    def __init__(
        self,
        source: Network,
        frame: BatchNetwork,
        *,
        place: Callable[[Volume], Volume] | None = None,
    ) -> None:
        super().__init__(frame, place=place)
        self._source = source
        self._volume: Volume | None = None  # the one last looked at; a portrait has only one
        self._prepared: dict[str, NetworkArray] = {}

    def _feeds(self, pose: Pose[Volume]) -> dict[str, NetworkArray]:
        feeds, volume = super()._feeds(pose), pose.source.look
        if volume is not self._volume:
            self._prepared = dict(self._source.run({"feature_3d": feeds["feature_3d"]}))
            self._volume = volume
        return {**feeds, **self._prepared}


class OfficialDecoder:
    """Paints warped features as a head."""

    def __init__(self, network: BatchNetwork) -> None:
        self._network = network

    def __call__(self, pose: Pose[Volume], warped: Features) -> Floats:
        """(512, 512, 3) RGB in 0..255, not rounded."""
        return in_levels(self._network.run({"feature": warped})[PAINTED])

    def many(self, warped: Sequence[Features]) -> list[Floats]:
        made = self._network.many([{"feature": features} for features in warped])
        return [in_levels(face[PAINTED]) for face in made]


def in_levels(painted: NetworkArray) -> Floats:
    """(512, 512, 3) in 0..255 from (1, 3, 512, 512) in 0..1; rounded where they come from a device."""
    if not isinstance(painted, np.ndarray):
        return fetched(painted)
    (planes,) = painted
    face = np.empty((*planes.shape[1:], 3), np.float32)
    np.clip(planes.transpose(1, 2, 0), 0, 1, out=face)
    face *= 255
    return face


def fetched(painted: NetworkArray) -> Floats:
    """The same of a tensor on a device: whole levels, so that a quarter of the bytes crosses to the host."""
    import torch

    assert isinstance(painted, torch.Tensor)
    (planes,) = painted
    levels = planes.permute(1, 2, 0).clamp(0, 1).mul(255).round().byte().contiguous()
    return np.asarray(levels.cpu().numpy(), np.float32)
