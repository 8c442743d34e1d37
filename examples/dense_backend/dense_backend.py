"""A backend of one's own: networks of dense layers, kept in a NumPy archive (.npz).

The archive holds `weight_0` (in, out), `bias_0` (out,), `weight_1` and so on. Between layers is a ReLU.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from cfg.errors import ModelError
from ditto.arrays import Floats
from model_formats.backend import Backend, Shape, check_feeds
from model_formats.opening import BackendPlugin, Wanted


class DenseNetwork:
    """A loaded archive: `x` (n, in) to `y` (n, out)."""

    def __init__(self, path: Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = dict(archive)
            numbers = range(len(arrays) // 2)
            self._layers = [(arrays[f"weight_{number}"], arrays[f"bias_{number}"]) for number in numbers]
            wide, narrow = self._layers[0][0].shape[0], self._layers[-1][0].shape[1]
        except (BadZipFile, ValueError, LookupError) as error:
            raise ModelError(f"{path} is not an archive of dense layers: {error}") from error
        self._path = path
        self.inputs: Mapping[str, Shape] = {"x": (None, wide)}
        self.outputs: Mapping[str, Shape] = {"y": (None, narrow)}

    def run(self, feeds: Mapping[str, Floats]) -> dict[str, Floats]:
        check_feeds(self._path, self.inputs, feeds)
        values = feeds["x"]
        for number, (weight, bias) in enumerate(self._layers):
            values = np.maximum(values, 0) if number else values
            values = values @ weight + bias
        return {"y": values}

    def close(self) -> None: ...


def open_dense(path: Path, wanted: Wanted) -> Backend:
    if wanted.device != "cpu":
        raise ModelError(f"{path} runs on 'cpu' alone, not on '{wanted.device}'")
    if wanted.precision not in ("stored", "fp32"):
        raise ModelError(f"{path} computes in fp32 alone, not in {wanted.precision}")
    return DenseNetwork(path)


PLUGIN = BackendPlugin(open_dense)
