"""How far two fp32 computations of the same thing may be apart.

Processors and versions of a library sum in different orders, fused or not. A rounding changes a partial
sum by half of EPS at most, and n roundings of random sign by about sqrt(n) times that (Higham and Mary,
SIAM J. Sci. Comput. 41, 2019). Two computations may go apart by twice as much; networks whose layers
amplify a little, by twice as much again.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

EPS = 2.0**-23  # of fp32


def share(terms: int) -> float:
    """By how much of its size a result of so many terms, summed in any order, may differ from another's.

    The size is the sum of the terms' absolute values; for a network, whose terms are of all its layers,
    the largest value that it gives.
    """
    return 2 * EPS * math.sqrt(terms)


def share_of(network: Any) -> float:
    """The same share for a PyTorch network: a value passes one kernel of each layer."""
    weights = (w for name, w in network.state_dict().items() if "weight" in name.rsplit(".", 1)[-1])
    return share(sum(math.prod(w.shape[1:]) for w in weights if w.ndim > 1))


@cache
def share_of_official(name: str) -> float:
    """The same share for an official network."""
    import torch

    from ditto.packs.official.networks.checkpoint import NETWORKS

    with torch.device("meta"):
        return share_of(NETWORKS[name].build({"cond_projection.weight": torch.empty(512, 1103)}))
