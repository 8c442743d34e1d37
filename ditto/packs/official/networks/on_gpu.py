"""The official networks made ready for a GPU: the weights of products in the precision they are used in.

Not run on a GPU yet: held to autocast on the processor.

Autocast rounds weights anew in every call. What it would round for a convolution or a product of
matrices is rounded here, once; results are the same bits.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from ditto.packs.official.networks.blocks import SpectralConv2d
from ditto.packs.official.networks.decoder import GuideConv
from ditto.packs.official.networks.lmdm import Attention

Network = TypeVar("Network", bound=nn.Module)
PRODUCTS: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Linear: ("weight", "bias"),
    nn.Conv2d: ("weight", "bias"),
    nn.Conv3d: ("weight", "bias"),
    GuideConv: ("weight", "bias"),
    SpectralConv2d: ("weight_orig", "bias"),
    Attention: ("in_proj_weight", "in_proj_bias"),
}


def rounded(network: Network, half: torch.dtype | None) -> Network:
    """The same network, folded before, for autocast to `half`; None leaves it in fp32."""
    if half is None:
        return network
    for module in network.modules():
        for name in PRODUCTS.get(type(module), ()) if not sums_taps(module) else ():
            weights = getattr(module, name)
            if weights is not None:
                setattr(module, name, nn.Parameter(weights.detach().to(half), requires_grad=False))
    return network


def sums_taps(module: nn.Module) -> bool:
    """Whether its kernel is added up before it is used, which is done in fp32."""
    return isinstance(module, GuideConv) and module.scale != 1
