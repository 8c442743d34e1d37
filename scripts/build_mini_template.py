"""Rebuilds the face template and displacement basis of the mini pack from a folder of clips.

    python scripts/build_mini_template.py CLIPS CONNECTIONS checkpoints/mini/template.npz

CLIPS holds `clips.csv` and, for each row, `<clip>.npz` with `dq`: int16 (1434, T) differences in time
of 478 x 3 landmarks in eighths of a pixel, and `valid`: bool (T,). CONNECTIONS is the file
`mediapipe/python/solutions/face_mesh_connections.py` of mediapipe 0.10.21, read as text.
"""

from __future__ import annotations

import argparse
import ast
import csv
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
from measure_motion import linear_numbers

from ditto.faces.pose import Doubles, fit
from ditto.faces.topology import EYES, OVAL, POINTS, STABLE
from ditto.packs.mini.source.template import LINEAR, Ints

FRAMES_PER_PERSON = 240
MIN_FACE_PIXELS = 150  # pixels
RIDGE = 0.001
LID_POINTS = sorted({p for e in EYES for p in e.upper + e.lower + e.iris + e.upper_fold + e.lower_fold})
SIGNS = np.array([1.0] * 12 + [-1.0, -1.0])  # of LINEAR in the mirror
PAIRS = ((33, 263), (133, 362), (234, 454), (61, 291), (127, 356), (58, 288))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("connections", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    people = read_people(given.clips)
    shape, mirror = average(np.concatenate([frames[::8] for frames in people]))
    basis = displacement_basis(people, shape, mirror)
    np.savez_compressed(
        given.output,
        shape=shape.astype(np.float32),
        mirror=mirror.astype(np.int32),
        triangles=skin(given.connections),
        basis=basis.astype(np.float32),
    )
    print(f"{given.output}: {len(people)} people, {sum(map(len, people))} frames")


def read_people(folder: Path) -> list[Doubles]:
    """(T, 478, 3) landmarks of each person with a face large enough, spread over their clips."""
    by_person: dict[str, list[Doubles]] = {}
    with (folder / "clips.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            known = by_person.setdefault(row["identity"], [])
            if float(row["src_face_px"]) < MIN_FACE_PIXELS or sum(map(len, known)) >= FRAMES_PER_PERSON:
                continue
            with np.load(folder / f"{row['clip']}.npz", allow_pickle=False) as stored:
                flat = np.cumsum(stored["dq"].astype(np.int32), axis=1).T / 8
                valid = stored["valid"]
            known.append(flat.reshape(-1, POINTS, 3)[valid][:FRAMES_PER_PERSON])
    return [np.concatenate(clips) for clips in by_person.values() if sum(map(len, clips)) > 40]


def straighten(points: Doubles, shape: Doubles) -> Doubles:
    scale, turn, shift = fit(shape, points)
    return np.asarray(((points - shift[:, None]) @ turn) / scale[:, None, None])


def average(points: Doubles) -> tuple[Doubles, Ints]:
    """The symmetric mean face, upright, one unit between the outer eye corners; and its mirror map."""
    shape = points[0] - points[0].mean(0)
    shape /= np.linalg.norm(shape[33] - shape[263])
    for _ in range(6):
        shape = straighten(points, shape).mean(0)
        shape -= shape[list(STABLE)].mean(0)
        shape /= np.linalg.norm(shape[33] - shape[263])
    across = np.mean([shape[b] - shape[a] for a, b in PAIRS], axis=0)
    across /= np.linalg.norm(across)
    down = shape[152] - shape[10]
    down -= across * (down @ across)
    down /= np.linalg.norm(down)
    axes = np.stack([across, down, np.cross(across, down)])
    middle = np.mean([(shape[a] + shape[b]) / 2 for a, b in PAIRS], axis=0)
    shape = (shape - middle) @ axes.T
    flipped = shape * [-1, 1, 1]
    mirror = np.linalg.norm(shape[None] - flipped[:, None], axis=-1).argmin(1)
    if not np.array_equal(mirror[mirror], np.arange(POINTS)):
        raise SystemExit("the mean face is not symmetric enough to pair its points")
    return (shape + flipped[mirror]) / 2, mirror


def displacement_basis(people: list[Doubles], shape: Doubles, mirror: Ints) -> Doubles:
    """(14, 478, 3): what the mesh does per millimetre of each linear expression number.

    A ridge regression over all people and their mirror images, corrected so that measuring what
    one number does gives exactly that number and no other.
    """
    moves = []
    for frames in people:
        face = straighten(frames, shape)
        gap = face[:, 14, 1] - face[:, 13, 1]
        neutral = np.median(face[np.argsort(gap)[: max(5, len(gap) // 8)]], axis=0)
        moves.append(face - neutral)
    moved = np.concatenate(moves)
    moved[:, LID_POINTS] = 0
    moved = np.concatenate([moved, moved[:, mirror] * [-1, 1, 1]])
    numbers = linear_numbers(moved)
    weights = numbers.T @ numbers + RIDGE * len(numbers) * np.eye(len(LINEAR))
    basis = np.linalg.solve(weights, numbers.T @ moved.reshape(len(moved), -1))
    basis = basis.reshape(-1, POINTS, 3)
    basis = (basis + SIGNS[:, None, None] * basis[:, mirror] * [-1, 1, 1]) / 2
    mix = linear_numbers(basis)
    return np.asarray(np.linalg.solve(mix, basis.reshape(len(LINEAR), -1))).reshape(-1, POINTS, 3)


def skin(connections: Path) -> Ints:
    """(n, 3) triangles of the mesh: its closed loops of three edges, without the two false ones."""
    edges: set[tuple[int, int]] = set()
    for statement in ast.parse(connections.read_text()).body:
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and statement.targets[0].id == "FACEMESH_TESSELATION"
            and isinstance(statement.value, ast.Call)
        ):
            edges = set(ast.literal_eval(statement.value.args[0]))
    near: dict[int, set[int]] = {}
    for a, b in edges:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    loops = sorted({tuple(sorted((a, b, c))) for a in near for b in near[a] for c in near[a] & near[b]})
    uses = Counter(edge for loop in loops for edge in combinations(loop, 2))
    kept = [loop for loop in loops if not all(uses[edge] >= 3 for edge in combinations(loop, 2))]
    assert len(set(OVAL) - {p for loop in kept for p in loop}) == 0
    return np.array(kept, np.int32)


if __name__ == "__main__":
    main()
