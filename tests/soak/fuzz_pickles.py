"""Mutated pickles, read one after the other within limits of memory and time: SEED COUNT FOLDER KIND.

Ends with 0 if nothing but our own errors came of them, and prints how many were refused; else it
prints what came, and the pickle lies in the folder as `found`. KIND is `configuration` or `weights`.
"""

from __future__ import annotations

import io
import logging
import pickle
import pickletools
import random
import resource
import sys
import time
import traceback
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from cfg.errors import DittoError
from cfg.official import NETWORKS
from stream_pipeline.configuration import official_settings

MEMORY = 4 << 30  # bytes of addresses; PyTorch alone maps more than one
SLOWEST = 10.0  # seconds for a file
CODES = [ord(code.code) for code in pickletools.opcodes]


def official() -> dict[str, object]:
    base = {key: {"model_path": f"{role}.pth", "device": "cpu"} for key, role in NETWORKS.items()}
    base["landmark478_cfg"] = {"task_path": "face.task"}
    return {
        "base_cfg": base,
        "audio2motion_cfg": {"model_path": "lmdm.pth", "use_emo": True},
        "default_kwargs": {
            "sampling_timesteps": np.int64(25),
            "v_min_max_for_clip": [np.zeros(265), np.ones(265, ">f4")],
            "use_d_keys": ("exp", "pitch"),
            "ch_info": OrderedDict(x_s_info_lst=[{"kp": np.zeros((1, 63), np.float32)}]),
            "fix_kp_cond_dim": [0, 202],
            "delta_eye_arr": np.zeros((3, 2)),
        },
    }


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file with a few bytes, instructions or stretches of it changed."""
    file = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at, end = sorted(rng.randrange(len(file) + 1) for _ in range(2))
        how = rng.randrange(7)
        if how == 0 and at < len(file):
            file[at] ^= 1 << rng.randrange(8)
        elif how == 1 and at < len(file):
            file[at] = rng.choice(CODES)
        elif how == 2:
            file[at:at] = bytes([rng.choice(CODES)])
        elif how == 3:
            del file[at : at + rng.choice([1, 2, 8, 64])]
        elif how == 4:
            file[at:end] = file[at:end][::-1] if end - at < 16 else file[end : 2 * end - at]
        elif how == 5:
            where = rng.randrange(len(file) + 1)
            file[where:where] = file[at : at + 32] * rng.choice([1, 1, 2, 50])
        else:
            file[at : at + 4] = rng.choice(
                [b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x10"]
            )
    return bytes(file)


def configurations(folder: Path) -> tuple[list[bytes], Callable[[bytes], object]]:
    path = folder / "cfg.pkl"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return official_settings(path, folder, {})

    return [pickle.dumps(official(), protocol) for protocol in range(6)], read


def weights(folder: Path) -> tuple[list[bytes], Callable[[bytes], object]]:
    import torch

    from model_formats.torch_weights import read_weights

    path = folder / "weights.pth"
    rows = torch.arange(12.0).reshape(3, 4)
    saved = io.BytesIO()
    flags, layer = torch.tensor([True]), torch.nn.Linear(2, 2).state_dict()
    torch.save(OrderedDict(rows=rows, turned=rows.t(), flags=flags, layer=layer), saved)
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def read(data: bytes) -> object:
        if data[:2] != b"PK":  # a changed pickle within a whole archive
            with zipfile.ZipFile(path, "w") as archive:
                for name, content in members.items():
                    archive.writestr(name, data if name.endswith("data.pkl") else content)
        else:
            path.write_bytes(data)
        found = read_weights(path)
        tensors = found.values() if isinstance(found, dict) else ()
        return [value.sum() for value in tensors if isinstance(value, torch.Tensor)]

    pickled = next(content for name, content in members.items() if name.endswith("data.pkl"))
    return [pickled, pickled, saved.getvalue()], read


def main(seed: int, count: int, folder: Path, kind: str) -> int:
    whole, read = {"weights": weights, "configuration": configurations}[kind](folder)
    logging.disable()
    for data in whole:
        read(data)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    rng = random.Random(seed)
    refused = 0
    for _ in range(count):
        data = mutated(rng.choice(whole), rng)
        began = time.perf_counter()
        try:
            read(data)
        except DittoError:
            refused += 1
        except BaseException:
            traceback.print_exc()
            (folder / "found").write_bytes(data)
            return 1
        if time.perf_counter() - began > SLOWEST:
            print(f"more than {SLOWEST} s", file=sys.stderr)
            (folder / "found").write_bytes(data)
            return 1
    print(refused)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
