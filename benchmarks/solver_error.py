"""Error of few denoising steps against many, for both solvers: `python -m benchmarks.solver_error`.

For each number of steps: seconds of processor, and the root of the mean squared difference from the same
solver's result of `--reference` steps, beside that between two seeds of it. The ancestral solver draws new
noise at every step, so another number of steps is another draw and its difference is never small. With
`--data_root` the official weights are asked, told of `--voice` where the speech encoder is there too;
without, seeded weights and noise, which show the arithmetic but are no trained denoiser.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.official.weights import Networks
from cfg.errors import DittoError
from ditto.arrays import Floats
from ditto.media.sound import read_sound
from ditto.motion.diffusion import MOTION_SIZE, DiffusionSampler
from ditto.motion.dpm_solver import FewStepSampler
from ditto.packs.official.denoiser import TorchDenoiser
from ditto.packs.official.hubert import HubertStream
from ditto.packs.official.networks.lmdm import WINDOW
from ditto.rates import SAMPLES_PER_FRAME
from model_formats.opening import open_model

ROOT = Path(__file__).parents[1]
SOLVERS: dict[str, Callable[[TorchDenoiser, int], DiffusionSampler | FewStepSampler]] = {
    "ancestral": DiffusionSampler,
    "dpm++": FewStepSampler,
}
VOICE = ROOT / "examples" / "speech.flac"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data_root", type=Path, metavar="DIR", help="official checkpoints")
    parser.add_argument("--voice", type=Path, default=VOICE, metavar="FILE", help="for official weights")
    parser.add_argument("--steps", default="5,10,20,50", help="separated by commas (default 5,10,20,50)")
    parser.add_argument("--reference", type=int, default=200, help="steps compared with (default 200)")
    wanted = parser.parse_args(arguments)
    try:
        report(wanted, [int(steps) for steps in wanted.steps.split(",")])
    except (DittoError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def report(wanted: argparse.Namespace, counts: list[int]) -> None:
    networks = Networks(wanted.data_root)
    network = networks.folded("lmdm")
    told, origin = conditions(networks, network.cond_projection.in_features, wanted.voice)
    denoiser = TorchDenoiser(network, "cpu")
    print(f"{networks.origin}; {origin}")
    print(f"{'solver':<10}{'steps':>6}{'seconds':>9}{'difference':>12}{'of two seeds':>14}{'share':>8}")
    for name, make in SOLVERS.items():
        truth, other = (walked(make, denoiser, wanted.reference, told, seed)[0] for seed in (0, 1))
        seeds = apart(truth, other)
        for steps in counts:
            found, seconds = walked(make, denoiser, steps, told, 0)
            off = apart(found, truth)
            print(
                f"{name:<10}{steps:>6}{seconds:>9.2f}{off:>12.4g}{seeds:>14.4g}{off / seeds:>8.1%}",
                flush=True,
            )


def walked(
    make: Callable[[TorchDenoiser, int], DiffusionSampler | FewStepSampler],
    denoiser: TorchDenoiser,
    steps: int,
    told: Floats,
    seed: int,
) -> tuple[Floats, float]:
    """(80, 265) motion of one window, and the seconds of processor it took."""
    began = time.process_time()
    motion = make(denoiser, steps).sample(
        np.zeros(MOTION_SIZE, np.float32), told, np.random.default_rng(seed)
    )
    return motion, time.process_time() - began


def apart(one: Floats, other: Floats) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2)))


def conditions(networks: Networks, width: int, voice: Path) -> tuple[Floats, str]:
    """(80, width) rows of a voice's first seconds where its encoder is there, else noise; and which."""
    encoder = networks.file("hubert")
    if encoder is None:
        return np.random.default_rng(0).standard_normal((WINDOW, width)).astype(np.float32), "told noise"
    stream = HubertStream(open_model(encoder))
    sound = read_sound(voice).samples[: WINDOW * SAMPLES_PER_FRAME]
    rows = np.concatenate([stream.push(sound), stream.flush()])[:WINDOW]
    told = np.zeros((WINDOW, width), np.float32)
    told[: len(rows), : rows.shape[1]] = rows
    return told, f"told {voice.name}"


if __name__ == "__main__":
    sys.exit(main())
