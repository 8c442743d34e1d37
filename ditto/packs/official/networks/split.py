"""The warp network and the denoiser in two halves each: what is done once, and what is done every time.

The halves share the weights of the networks they are made of. What the first half gives is plain
tensors, so each half is also a graph of its own that any runtime can hold.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ditto.packs.official.networks.blocks import coordinates
from ditto.packs.official.networks.lmdm import LMDM, TIME_TOKENS, WINDOW, Encoded
from ditto.packs.official.networks.warping import (
    DenseMotion,
    WarpNetwork,
    gaussians,
    sample,
    spread,
)


class WarperSource(nn.Module):
    """Once per portrait: its volume as the flow network looks at it, at the places nothing moved from."""

    def __init__(self, network: WarpNetwork) -> None:
        super().__init__()
        self.motion = network.dense_motion_network

    def forward(self, feature_3d: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 32, D, H, W) -> compressed and still, (B, 4, D, H, W) each."""
        compressed = F.relu(self.motion.norm(self.motion.compress(feature_3d)))
        here = coordinates(feature_3d.shape[2:], like=feature_3d)
        return compressed, sample(compressed, here.expand(compressed.shape[0], *here.shape))


class WarperFrame(nn.Module):
    """Once per frame: the volume of a prepared portrait moved to the driven keypoints.

    Copies of the volume that follow one keypoint each are only shifted, so they are read along one
    axis after the other by matrices of interpolation weights; no places are gathered.
    """

    def __init__(self, network: WarpNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, feature_3d: Tensor, compressed: Tensor, still: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """The volume, its two prepared forms and (B, 21, 3) keypoints twice -> (B, 256, H, W).

        One portrait (B of 1) may be moved to several sets of driven keypoints at once.
        """
        flow, visible = self._flow(compressed, still, kp_source, kp_driving)
        volume = feature_3d.expand(flow.shape[0], -1, -1, -1, -1)
        flat = sample(volume, flow).flatten(1, 2)
        out: Tensor = self.network.fourth(self.network.third(flat)) * visible
        return out

    def _flow(
        self, compressed: Tensor, still: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As `DenseMotion` gives them: places to read from, and how visible each stays."""
        motion: DenseMotion = self.network.dense_motion_network
        here = coordinates(compressed.shape[2:], like=compressed)
        heat = gaussians(here, kp_driving) - gaussians(here, kp_source)  # (B, 21, D, H, W)
        shift = kp_source - kp_driving  # (B, 21, 3)
        copies = shifted(compressed, shift)  # (B, 21, 4, D, H, W)
        moved = torch.cat([heat[:, :, None], copies], dim=2).flatten(1, 2)
        unmoved = F.pad(still, (0, 0, 0, 0, 0, 0, 1, 0)).expand(shift.shape[0], -1, -1, -1, -1)
        seen = motion.hourglass(torch.cat([unmoved, moved], dim=1))
        follows = F.softmax(motion.mask(seen), dim=1)  # (B, 22, D, H, W)
        led = (spread(shift) * follows[:, 1:, ..., None]).sum(dim=1)
        visible = torch.sigmoid(motion.occlusion(seen.flatten(1, 2)))
        return here + led, visible


def shifted(volume: Tensor, shift: Tensor) -> Tensor:
    """(B or 1, C, D, H, W) read at its own places plus each of (B, n, 3) shifts -> (B, n, C, D, H, W).

    The same as trilinear sampling with zeros outside, whose weight factors into one for each axis.
    """
    depth, height, width = volume.shape[2:]
    along_x, along_y, along_z = (
        hat_weights(size, amount)[:, :, None]
        for size, amount in zip((width, height, depth), shift.unbind(-1), strict=True)
    )  # (B, n, 1, size, size)
    copies = along_z @ volume.flatten(3)[:, None]  # (B, n, C, D, HW)
    copies = along_y[:, :, None] @ torch.unflatten(copies, -1, (height, width))
    return copies @ along_x[:, :, None].transpose(-1, -2)


def hat_weights(size: int, amount: Tensor) -> Tensor:
    """(..., size, size) weights by which `size` places, each moved by (...) `amount`, read an axis."""
    index = torch.arange(size, dtype=amount.dtype, device=amount.device)
    places = index * (2 / (size - 1)) - 1 + amount[..., None]  # in -1..1, corners at the ends
    cells = ((places + 1) * size - 1) / 2  # where grid sampling looks for that place
    return F.relu(1 - (cells[..., None] - index).abs())


class DenoiserWindow(nn.Module):
    """Once per window: all that does not depend on the noisy motion, for every step that will follow."""

    def __init__(self, network: LMDM) -> None:
        super().__init__()
        self.network = network

    def forward(self, cond: Tensor, times: Tensor) -> tuple[Tensor, ...]:
        """(B, 80, C) conditions and (S,) diffusion times -> the seven inputs `prepared` of `DenoiserStep`."""
        encoded = self.network.encode(cond, times)
        return (
            torch.stack(encoded.keys),
            torch.stack(encoded.values),
            torch.stack(encoded.time_keys, dim=1),
            torch.stack(encoded.time_values, dim=1),
            torch.stack(encoded.modulation, dim=1),
            encoded.noise_from_x,
            encoded.noise_from_start,
        )


class DenoiserStep(nn.Module):
    """Once per step: the noise and what is clean in a window of noisy motion."""

    def __init__(self, network: LMDM) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        x: Tensor,  # (B, 80, 265)
        cond_frame: Tensor,  # (B, 265)
        step: Tensor,  # (1,) place in the window's times
        keys: Tensor,  # (8, 2, B, 80, 512)
        values: Tensor,  # the same
        time_keys: Tensor,  # (S, 8, 2, 512)
        time_values: Tensor,  # the same
        modulation: Tensor,  # (S, 8, 2, B, 3072)
        noise_from_x: Tensor,  # (S,)
        noise_from_start: Tensor,  # (S,)
    ) -> tuple[Tensor, Tensor]:
        """Noise and clean motion, (B, 80, 265) each."""
        of_step = [
            table.index_select(0, step)
            for table in (time_keys, time_values, modulation, noise_from_x, noise_from_start)
        ]
        encoded = Encoded(
            rotation=self.network.rotary(WINDOW + TIME_TOKENS),
            keys=keys.unbind(0),
            values=values.unbind(0),
            time_keys=of_step[0].unbind(1),
            time_values=of_step[1].unbind(1),
            modulation=of_step[2].unbind(1),
            noise_from_x=of_step[3],
            noise_from_start=of_step[4],
        )
        return self.network.denoise(x, cond_frame, encoded, 0)
