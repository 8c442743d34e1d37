"""A checkpoint folder in the official layout, filled with seeded weights and stand-ins.

The six networks that move and paint have their real structure, or in the small folder only its inputs
and outputs. The ones that look for a face answer the same plausible face to every picture, and the
speech encoder hears only loudness and pitch, but it hears. So a whole render runs as with the official
files, on pictures of noise.
"""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
TORCH_ROOT, ONNX_ROOT = "ditto_pytorch", "ditto_onnx"
CHECKPOINTS = {
    "appearance_extractor": "appearance_extractor",
    "motion_extractor": "motion_extractor",
    "warp_network": "warp_network",
    "decoder": "decoder",
    "stitch_network": "stitch_network",
    "lmdm": "lmdm_v0.4_hubert",
}
AUXILIARY = {
    "insightface_det": "det_10g",
    "landmark106": "2d106det",
    "landmark203": "landmark203",
    "hubert": "hubert_streaming_fix_kv",
}
MESH = ("blaze_face", "face_mesh")
# Seeded weights give keypoints and motion of unusable sizes; these factors make a face of them.
SIZES = {
    "motion_extractor": {"fc_exp": 0.05, "fc_kp": 0.3, "fc_t": 0.1, "fc_scale": 0.0},
    "lmdm": {"final_layer": 0.05},
}
SCALE = 1.2  # of the head, in place of what the seeded network would say
EARLIER = {  # a few of the keywords the official configurations carry
    "max_size": 1920,
    "template_n_frames": -1,
    "crop_scale": 2.3,
    "crop_vx_ratio": 0,
    "crop_vy_ratio": -0.125,
    "crop_flag_do_rot": True,
    "smo_k_s": 13,
    "emo": 4,
    "eye_f0_mode": False,
    "overlap_v2": 10,
    "fix_kp_cond": 0,
    "fix_kp_cond_dim": None,
    "sampling_timesteps": 50,
    "online_mode": False,
    "v_min_max_for_clip": None,
    "smo_k_d": 3,
    "N_d": -1,
    "use_d_keys": None,
    "relative_d": True,
    "drive_eye": None,
    "delta_eye_arr": None,
    "delta_eye_open_n": 0,
    "fade_out_keys": ("exp",),
    "fade_type": "",
    "flag_stitching": True,
}


@dataclass(frozen=True)
class Checkpoints:
    """A folder in the official layout."""

    folder: Path

    def of(self, form: str) -> tuple[Path, Path]:
        """(data root, pickled configuration) of `torch`, `onnx` or, for streaming, `onnx online`."""
        root, cfg = {
            "torch": (TORCH_ROOT, "v0.4_hubert_cfg_pytorch.pkl"),
            "onnx": (ONNX_ROOT, "v0.4_hubert_cfg_onnx.pkl"),
            "onnx online": (ONNX_ROOT, "v0.4_hubert_cfg_onnx_online.pkl"),
        }[form]
        return self.folder / root, self.folder / "ditto_cfg" / cfg


@pytest.fixture(scope="session")
def official(made_once: Any) -> Checkpoints:
    """Networks of the official structure and size, 1.4 GB of them."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    return Checkpoints(made_once("official", partial(write_checkpoints, networks=write_networks)))


@pytest.fixture(scope="session", params=["small", pytest.param("official", marks=pytest.mark.full)])
def checkpoints(request: pytest.FixtureRequest, made_once: Any) -> Checkpoints:
    """ONNX networks of the official inputs and outputs: of next to no work, or of the official size."""
    pytest.importorskip("onnx")
    if request.param == "official":
        whole: Checkpoints = request.getfixturevalue("official")
        return whole
    return Checkpoints(made_once("small", partial(write_checkpoints, networks=write_small_networks)))


def write_checkpoints(folder: Path, networks: Callable[[Path, Path], None]) -> None:
    torch_root, onnx_root, cfg = folder / TORCH_ROOT, folder / ONNX_ROOT, folder / "ditto_cfg"
    for directory in (torch_root / "models", torch_root / "aux_models", onnx_root, cfg):
        directory.mkdir(parents=True)
    networks(torch_root / "models", onnx_root)
    for role, model in stand_ins().items():
        (onnx_root / f"{role}.onnx").write_bytes(model)
        (torch_root / "aux_models" / f"{AUXILIARY.get(role, role)}.onnx").write_bytes(model)

    torch_files = {role: f"models/{name}.pth" for role, name in CHECKPOINTS.items()}
    torch_files |= {role: f"aux_models/{AUXILIARY.get(role, role)}.onnx" for role in (*AUXILIARY, *MESH)}
    onnx_files = {role: f"{name}.onnx" for role, name in CHECKPOINTS.items()}
    onnx_files |= {role: f"{role}.onnx" for role in (*AUXILIARY, *MESH)}
    streaming = {"online_mode": True, "overlap_v2": 70, "smo_k_d": 13, "fix_kp_cond": 1}
    streaming |= {"fix_kp_cond_dim": [0, 202]}
    limits = np.stack([np.full(265, -30), np.full(265, 30)]).astype(np.float32)
    streaming |= {"v_min_max_for_clip": limits}
    pickled(cfg / "v0.4_hubert_cfg_pytorch.pkl", torch_files)
    pickled(cfg / "v0.4_hubert_cfg_onnx.pkl", onnx_files)
    pickled(cfg / "v0.4_hubert_cfg_onnx_online.pkl", onnx_files, streaming)


def pickled(path: Path, files: Mapping[str, str], over: Mapping[str, Any] | None = None) -> None:
    """Writes a configuration as the official files are structured."""

    def entry(role: str) -> dict[str, Any]:
        return {"model_path": files[role], "device": "cuda"}

    base: dict[str, Any] = {f"{role}_cfg": entry(role) for role in CHECKPOINTS if role != "lmdm"}
    base |= {f"{role}_cfg": {**entry(role), "force_ori_type": True} for role in AUXILIARY}
    base["landmark478_cfg"] = {
        "blaze_face_model_path": files["blaze_face"],
        "face_mesh_model_path": files["face_mesh"],
        "task_path": "",
        "device": "cuda",
        "force_ori_type": True,
    }
    motion = {
        **entry("lmdm"),
        "w2f_type": "hubert",
        "motion_feat_dim": 265,
        "audio_feat_dim": 1103,
        "seq_frames": 80,
        "use_emo": True,
        "use_sc": True,
        "use_eye_open": True,
        "use_eye_ball": True,
    }
    values = {"base_cfg": base, "audio2motion_cfg": motion, "default_kwargs": {**EARLIER, **(over or {})}}
    path.write_bytes(pickle.dumps(values))


def write_networks(pth: Path, onnx: Path) -> None:
    """The networks as .pth and .onnx files."""
    import torch

    from ditto.packs.official.networks.checkpoint import NETWORKS, load
    from model_formats.export import export_onnx

    manifest = json.loads((GOLDEN / "data" / "manifest.json").read_text())["models"]
    for role, name in CHECKPOINTS.items():
        shapes = {entry["name"]: tuple(entry["shape"]) for entry in manifest[role]["tensors"]}
        official = NETWORKS[role]
        tensors = {key: torch.from_numpy(array) for key, array in seeded(role, shapes).items()}
        named = {official.prefix + key: tensor for key, tensor in tensors.items()}
        torch.save({official.key: named} if official.key else named, pth / f"{name}.pth")
        del tensors, named
        example = [
            torch.zeros(
                [n or (1103 if place else 1) for place, n in enumerate(shape)],
                dtype=torch.int64 if key == "time_cond" else None,
            )
            for key, shape in official.inputs.items()
        ]
        export_onnx(
            load(role, pth / f"{name}.pth"),
            onnx / f"{name}.onnx",
            list(official.inputs),
            list(official.outputs),
            example,
        )


def write_small_networks(_: Path, onnx: Path) -> None:
    """Networks of the same inputs and outputs as .onnx files; there are no small .pth files."""
    for role, model in small_networks().items():
        (onnx / f"{CHECKPOINTS[role]}.onnx").write_bytes(model)


def small_networks() -> dict[str, bytes]:
    """By role: what comes out depends on all that goes in, and is of usable size."""
    draw = golden_rules().rng("small networks").standard_normal
    answers = {"pitch": 66, "yaw": 66, "roll": 66, "t": 3, "exp": 63, "scale": 1, "kp": 63}
    sizes = {"pitch": 1, "yaw": 1, "roll": 1, "t": 0.1, "exp": 0.01, "scale": 0, "kp": 0.3}
    looks = {f"{key}.w": 0.01 * draw((3, n)) for key, n in answers.items()}
    looks |= {f"{key}.b": sizes[key] * draw(n) for key, n in answers.items()} | {"scale.b": np.full(1, SCALE)}
    pair = {"kp_source": (1, 21, 3), "kp_driving": (1, 21, 3)}
    window = (1, 80, 265)
    return {
        "appearance_extractor": small(
            {"image": (1, 3, 256, 256)},
            {"pred": (1, 32, 16, 64, 64)},
            [("Conv", ["image", "w"], "maps", {"strides": [4, 4]}), ("Reshape", ["maps", "volume"], "pred")],
            {"w": draw((512, 3, 4, 4)) / 7, "volume": [1, 32, 16, 64, 64]},
        ),
        "motion_extractor": small(
            {"image": (1, 3, 256, 256)},
            {key: (1, n) for key, n in answers.items()},
            [
                ("GlobalAveragePool", ["image"], "pooled"),
                ("Flatten", ["pooled"], "colour"),
                *(("Gemm", ["colour", f"{key}.w", f"{key}.b"], key) for key in answers),
            ],
            looks,
        ),
        "warp_network": small(
            {"feature_3d": (1, 32, 16, 64, 64), **pair},
            {"out": (1, 256, 64, 64)},
            [
                ("Reshape", ["feature_3d", "maps"], "flat"),
                ("Conv", ["flat", "w"], "mixed", {"group": 64}),
                ("Sub", ["kp_driving", "kp_source"], "moved"),
                ("ReduceMean", ["moved"], "mean", {"axes": [1, 2], "keepdims": 0}),
                ("Mul", ["mean", "far"], "shift"),
                ("Add", ["mixed", "shift"], "out"),
            ],
            {"maps": [1, 512, 64, 64], "w": draw((256, 8, 1, 1)) / 3, "far": np.full(1, 30.0)},
        ),
        "decoder": small(
            {"feature": (1, 256, 64, 64)},
            {"output": (1, 3, 512, 512)},
            [
                ("Conv", ["feature", "w"], "cells", {"group": 64}),
                ("DepthToSpace", ["cells"], "levels", {"blocksize": 8}),
                ("Sigmoid", ["levels"], "output"),
            ],
            {"w": draw((192, 4, 1, 1)) / 2},
        ),
        "stitch_network": small(
            pair,
            {"out": (1, 21, 3)},
            [
                ("Sub", ["kp_source", "kp_driving"], "back"),
                ("Mul", ["back", "a_little"], "held"),
                ("Add", ["kp_driving", "held"], "out"),
            ],
            {"a_little": np.full(1, 0.1)},
        ),
        "lmdm": small(
            {"x": window, "cond_frame": (1, 265), "cond": (1, 80, 1103), "time_cond": (1,)},
            {"pred_noise": window, "x_start": window},
            [
                ("Slice", ["cond", "first", "last", "axis"], "heard"),
                ("Unsqueeze", ["cond_frame", "axis_of_time"], "before"),
                ("Cast", ["time_cond"], "time", {"to": 1}),
                ("Mul", ["time", "tiny"], "late"),
                ("Sum", ["x", "heard", "before", "late"], "told"),
                ("Tanh", ["told"], "bounded"),
                ("Mul", ["bounded", "size"], "x_start"),
                ("Sub", ["x", "x_start"], "pred_noise"),
            ],
            {
                **{"first": [0], "last": [265], "axis": [2], "axis_of_time": [1]},
                **{"tiny": np.full(1, 1e-4), "size": np.full(1, 0.05)},
            },
            whole=("time_cond",),
        ),
    }


def small(
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Mapping[str, tuple[int, ...]],
    nodes: Sequence[tuple[Any, ...]],
    constants: Mapping[str, Any],
    whole: Sequence[str] = (),
) -> bytes:
    """A graph of (operator, inputs, output, attributes); lists among the constants are integers."""
    from onnx import TensorProto, helper, numpy_helper

    kinds = {True: TensorProto.INT64, False: TensorProto.FLOAT}
    graph = helper.make_graph(
        [
            helper.make_node(operator, given, [output], **(attributes[0] if attributes else {}))
            for operator, given, output, *attributes in nodes
        ],
        "small",
        [helper.make_tensor_value_info(n, kinds[n in whole], shape) for n, shape in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in outputs.items()],
        [
            numpy_helper.from_array(np.asarray(a, np.int64 if isinstance(a, list) else np.float32), n)
            for n, a in constants.items()
        ],
    )
    return serialised(graph)


def seeded(role: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights by the rule of the reference numbers, brought to usable sizes."""
    weights: dict[str, np.ndarray] = golden_rules().fill(shapes)
    rotary = (1.0 / 10000 ** (np.arange(256) * 2 / 512)).astype(np.float32)
    weights |= {key: rotary for key in shapes if key.endswith("freqs")}
    for layer, factor in SIZES.get(role, {}).items():
        for key in weights:
            if f".{layer}." in f".{key}":
                weights[key] = weights[key] * np.float32(factor)
    if role == "motion_extractor":
        weights["detector.fc_scale.bias"] = np.full(1, SCALE, np.float32)
    return {key: np.asarray(array) for key, array in weights.items()}


def golden_rules() -> ModuleType:
    """The reader of the reference numbers, which knows how they were seeded."""
    name = "golden_conftest"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, GOLDEN / "conftest.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def face(count: int, eyes: Sequence[Sequence[int]], lips: Sequence[int]) -> np.ndarray:
    """(count, 2) landmarks that touch all sides of -1..1, the points of eyes and lips where those are."""
    turn = np.arange(count) * 2 * np.pi * (3 - np.sqrt(5)) / 2
    radius = np.sqrt(np.linspace(0.2, 1, count))
    points = np.stack([np.cos(turn), np.sin(turn)], axis=1) * 0.95 * radius[:, None]
    for x, eye in zip((-0.4, 0.4), eyes, strict=True):
        for k, point in enumerate(eye):
            points[point] = x + 0.12 * np.cos(k * np.pi / 2), -0.3 + 0.06 * np.sin(k * np.pi / 2)
    for x, point in zip(np.linspace(-0.25, 0.25, len(lips)), lips, strict=True):
        points[point] = x, 0.5
    free = [n for n in range(count) if n not in {*eyes[0], *eyes[1], *lips}]
    points[free[-4:]] = (-1, 0), (1, 0), (0, -1), (0, 1)
    return points.astype(np.float32)


def stand_ins() -> dict[str, bytes]:
    """ONNX files with the official names and shapes, by role."""
    marks106 = face(106, ([33, 35, 40, 39], [87, 89, 94, 93]), [52, 61])
    marks203 = face(203, ([0, 6, 12, 18], [24, 30, 36, 42]), [48, 66])
    # A crop is 1.5 boxes wide and lies 0.1 crops above the box: the answer leads to the same crop.
    marks203 = np.array([0.5, 0.6], np.float32) + marks203 / 3
    marks203_all = {
        "pose": np.zeros((1, 3)),
        "rough": np.zeros((1, 262)),
        "landmarks": marks203.reshape(1, -1),
    }
    return {
        "insightface_det": answering("image", (1, 3, 512, 512), detections(205, 190, 80, 100)),
        "landmark106": answering("data", (1, 3, 192, 192), {"fc1": marks106.reshape(1, -1) / 1.5}),
        "landmark203": answering("input", (1, 3, 224, 224), marks203_all),
        "blaze_face": answering("input", (1, 128, 128, 3), blaze_face()),
        "face_mesh": answering("input", (1, 256, 256, 3), mesh()),
        "hubert": hearing(),
    }


def detections(x: int, y: int, half_width: int, half_height: int) -> dict[str, np.ndarray]:
    """One face around x, y in a 512 square, from the coarsest grid."""
    outputs = {}
    for kind, width in (("scores", 1), ("boxes", 4), ("kps", 10)):
        for level, stride in enumerate((8, 16, 32), start=1):
            outputs[f"{kind}{level}"] = np.zeros((2 * (512 // stride) ** 2, width), np.float32)
    cell_x, cell_y = x // 32, y // 32
    row = 2 * (cell_y * 16 + cell_x)
    left, top = x - half_width - cell_x * 32, y - half_height - cell_y * 32
    outputs["scores3"][row] = 0.9
    outputs["boxes3"][row] = np.array([-left, -top, left + 2 * half_width, top + 2 * half_height]) / 32
    return outputs


def blaze_face() -> dict[str, np.ndarray]:
    row = 2 * (8 * 16 + 8)  # the middle of the picture
    regressors = np.zeros((1, 896, 16), np.float32)
    regressors[0, row, :8] = [0, 0, 56, 56, -12, -8, 12, -8]
    scores = np.full((1, 896, 1), -20, np.float32)
    scores[0, row] = 5
    return {"regressors": regressors, "classificators": scores}


def mesh() -> dict[str, np.ndarray]:
    """478 points in a square of 256 pixels, the eyes open and looking slightly aside."""
    points = np.zeros((478, 3), np.float32)
    points[:, :2] = face(478, ([33, 133], [362, 263]), [61, 291]) * 80 + 128
    for side, x in (
        ((33, 133, (145, 144, 153), (159, 160, 158), 468), 96),
        ((362, 263, (374, 373, 380), (386, 387, 385), 473), 160),
    ):
        near, far, lower, upper, iris = side
        points[near], points[far] = (x - 14, 104, 0), (x + 14, 104, 0)
        for k, (low, high) in enumerate(zip(lower, upper, strict=True)):
            points[low], points[high] = (x - 5 + 5 * k, 108, 0), (x - 5 + 5 * k, 100, 0)
        points[iris] = x + 2, 105, 1
    zero = np.zeros((1, 1), np.float32)
    return {
        "Identity": points.reshape(1, 1, 1, -1),
        "Identity_1": zero.reshape(1, 1, 1, 1),
        "Identity_2": zero,
    }


def answering(name: str, shape: tuple[int, ...], outputs: Mapping[str, np.ndarray]) -> bytes:
    """A network that gives the same arrays whatever it is shown."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node(
            "Constant", [], [key], value=numpy_helper.from_array(np.ascontiguousarray(array, np.float32), key)
        )
        for key, array in outputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "stand_in",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, a.shape) for k, a in outputs.items()],
    )
    return serialised(graph)


def hearing() -> bytes:
    """A speech encoder of one layer: a row of 1024 numbers for every 320 samples."""
    from onnx import TensorProto, helper, numpy_helper

    kernel = golden_rules().rng("speech").standard_normal((1024, 1, 400)).astype(np.float32) / 8
    zero = numpy_helper.from_array(np.array([0], np.int64), "zero")
    nodes = [
        helper.make_node("Unsqueeze", ["input_values", "one"], ["channels"]),
        helper.make_node("Conv", ["channels", "kernel"], ["filtered"], kernel_shape=[400], strides=[320]),
        helper.make_node("Tanh", ["filtered"], ["bounded"]),
        helper.make_node("Transpose", ["bounded"], ["rows"], perm=[0, 2, 1]),
        helper.make_node("Squeeze", ["rows", "zero"], ["encoding_out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "speech",
        [helper.make_tensor_value_info("input_values", TensorProto.FLOAT, [1, "samples"])],
        [helper.make_tensor_value_info("encoding_out", TensorProto.FLOAT, ["frames", 1024])],
        [
            numpy_helper.from_array(kernel, "kernel"),
            zero,
            numpy_helper.from_array(np.array([1], np.int64), "one"),
        ],
    )
    return serialised(graph)


def serialised(graph: Any) -> bytes:
    from onnx import helper

    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    data: bytes = model.SerializeToString()
    return data
