"""Reads the reference numbers: one test case per entry of a topic's cases.json.

A test marked `@pytest.mark.golden("crop", op="rect")` runs once for each case of the topic whose
options say so, and receives it as `case`. It fails where it did not look at an option of its case.
DITTO_GOLDEN names another folder of the same format.
"""

from __future__ import annotations

import inspect
import json
import os
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

OURS = Path(__file__).parent / "data"
DATA = Path(os.environ.get("DITTO_GOLDEN", OURS))

# Options, by topic or topic and op, that a test need not look at: they say again what the arrays show, how
# exact the reference was, or what it was told without effect on its results.
NOT_NEEDED = {
    "blaze_face": {"n_faces"},
    "condition": {"n_src", "seq_frames"},
    "crop": {"layout", "degenerate"},
    "crop crop": {"vx_ratio", "use_lip"},
    "diffusion": {"noise_order", "max_abs", "fp64_max_abs_dev_clip0"},
    "face_mesh478": {"H", "W"},
    "insightface_det": {"H", "W"},
    "landmark106": {"H", "W", "n_pred_points"},
    "landmark203": {"has_M"},
    "models": {"proj_key_prefix"},
    "motion_stitch": {"eye_arr", "video1", "x_s_info_none", "x_d_dtype"},
    "pose": {"already_degrees"},
    "putback": {"H", "W", "render_layout"},
    "schedule": {"n_samples", "seconds", "n_frames_nominal"},
    "wav2feat": {"n_samples", "n_frames_nominal"},
}


def rng(key: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(key.encode("utf-8")))


def make(recipe: Mapping[str, Any]) -> np.ndarray:
    """The array a recipe stands for (README of the data, 'Seeded arrays')."""
    generator, shape = rng(recipe["key"]), tuple(recipe["shape"])
    if recipe["kind"] == "normal":
        drawn = recipe.get("mean", 0.0) + recipe.get("std", 1.0) * generator.standard_normal(shape)
        array = drawn.astype(np.float32)
    elif recipe["kind"] == "uniform":
        array = (recipe["lo"] + (recipe["hi"] - recipe["lo"]) * generator.random(shape)).astype(np.float32)
    elif recipe["kind"] == "u8":
        array = generator.integers(0, 256, size=shape, dtype="uint8")
    elif recipe["kind"] == "blocks":
        side = recipe["rep"]
        coarse = (*shape[:-2], shape[-2] // side, shape[-1] // side)
        cells = (recipe["lo"] + (recipe["hi"] - recipe["lo"]) * generator.random(coarse)).astype(np.float32)
        array = cells.repeat(side, -2).repeat(side, -1)
    else:
        raise ValueError(f"unknown recipe kind {recipe['kind']!r}")
    if "blur_sigma" in recipe:
        array = cv2.GaussianBlur(array, (0, 0), recipe["blur_sigma"])
    return array


def fill(shapes: Mapping[str, tuple[int, ...]], salt: str = "") -> dict[str, np.ndarray]:
    """Weights by name, as the reference numbers were made with (README of the data)."""
    out: dict[str, np.ndarray] = {}
    for name, shape in shapes.items():
        last, generator = name.rsplit(".", 1)[-1], rng(salt + name)
        if last == "num_batches_tracked":
            out[name] = np.array(1, "int64")
            continue
        if last in ("freqs", "weight_u", "weight_v"):
            continue
        if last == "running_mean" or last in ("gamma", "beta"):
            values = 0.1 * generator.standard_normal(shape)
        elif last == "running_var":
            values = 0.5 + generator.random(shape)
        elif name.startswith("null_cond"):
            values = generator.standard_normal(shape)
        elif len(shape) == 1 and last == "weight":
            values = 1 + 0.1 * generator.standard_normal(shape)
        elif len(shape) == 1:
            values = 0.05 * generator.standard_normal(shape)
        else:
            gain = 1.4 if len(shape) >= 4 else 1.0
            values = gain / np.sqrt(np.prod(shape[1:])) * generator.standard_normal(shape)
        out[name] = values.astype(np.float32)
    for name, shape in shapes.items():
        if name.endswith(".weight_u"):
            base = name[:-2]
            matrix = out[base + "_orig"].astype(np.float64).reshape(shape[0], -1)
            v = matrix.T @ rng(salt + name).standard_normal(shape[0])
            v /= np.linalg.norm(v)
            u = matrix @ v
            u /= np.linalg.norm(u)
            out[base + "_u"], out[base + "_v"] = u.astype(np.float32), v.astype(np.float32)
    return out


class Options(Mapping[str, Any]):
    """The options of a case, which remember what they were asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Case:
    """One reference case: what went in, what came out."""

    topic: str
    id: str
    options: Options
    given: Mapping[str, np.ndarray]  # inputs, without their "in." prefix; recipes are made
    expected: Mapping[str, np.ndarray]  # outputs, without their "out." prefix

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """The inputs under a prefix: group("x_s_info") has 'pitch', 'yaw', ..."""
        start = prefix + "."
        return {name[len(start) :]: a for name, a in self.given.items() if name.startswith(start)}

    def ignored(self) -> set[str]:
        """Options that matter and were not asked for."""
        not_needed = NOT_NEEDED.get(self.topic, set())
        if "op" in self.options:
            not_needed = not_needed | NOT_NEEDED.get(f"{self.topic} {self.options['op']}", set())
        return {*self.options} - self.options.asked - not_needed


def load(topic: str, entry: Mapping[str, Any]) -> Case:
    path = DATA / topic / entry["file"]
    if not path.exists():
        path = DATA / entry["file"]
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    given = {n[3:]: a for n, a in arrays.items() if n.startswith("in.")}
    given |= {n.removeprefix("in."): make(r) for n, r in entry.get("recipes", {}).items()}
    expected = {n[4:]: a for n, a in arrays.items() if n.startswith("out.")}
    return Case(topic, entry["id"], Options(entry["options"]), given, expected)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "golden(topic, **options): run for each reference case of a topic")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("golden")
    if marker is None:
        return
    topic = marker.args[0]
    entries = json.loads((DATA / topic / "cases.json").read_text())["cases"]
    wanted = [e for e in entries if all(e["options"].get(k) == v for k, v in marker.kwargs.items())]
    if not wanted and DATA == OURS:
        raise pytest.UsageError(f"no reference case of {topic} has {marker.kwargs}")
    metafunc.parametrize("entry", wanted, ids=[e["id"] for e in wanted])


@pytest.fixture
def case(request: pytest.FixtureRequest, entry: Mapping[str, Any]) -> Case:
    marker = request.node.get_closest_marker("golden")
    loaded = load(marker.args[0], entry)
    loaded.options.asked.update(marker.kwargs)
    return loaded


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, None, None]:
    yield
    if "case" in inspect.signature(item.function).parameters:
        case = item.funcargs["case"]
        assert not case.ignored(), (
            f"{case.id} passed without {case.ignored()}: the test ignores these options"
        )


@pytest.fixture(scope="session")
def case_of() -> Callable[[str, Mapping[str, Any]], Case]:
    """case_of(topic, options): a case without arrays."""
    return lambda topic, options: Case(topic, f"{topic}_000", Options(options), {}, {})


@pytest.fixture(scope="session")
def manifest() -> Mapping[str, Any]:
    here = DATA / "manifest.json"
    return json.loads((here if here.exists() else OURS / "manifest.json").read_text())


@pytest.fixture(scope="session")
def filled() -> Callable[..., dict[str, np.ndarray]]:
    """fill(shapes, salt) of the data's README."""
    return fill


@pytest.fixture(scope="session")
def made() -> Callable[[Mapping[str, Any]], np.ndarray]:
    """The array of a recipe."""
    return make


def summary(values: np.ndarray, key: str) -> np.ndarray:
    """mean, std, min, max, sum, sum of squares and seeded projection of a large array, in float64."""
    x = values.astype(np.float64)
    ray = rng(f"proj:{key}").standard_normal(x.size)
    return np.array([x.mean(), x.std(), x.min(), x.max(), x.sum(), (x**2).sum(), x.ravel() @ ray])


@pytest.fixture(scope="session")
def summarise() -> Callable[[np.ndarray, str], np.ndarray]:
    return summary
