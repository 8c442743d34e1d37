"""The options of a render on the official pack, as networks of its shapes with seeded weights."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import inference

VIDEO = Path(__file__).parents[2] / "examples" / "astronaut_video.mp4"
FRAMES = 1  # of motion; a frame painted by the official networks takes seconds on one core


@pytest.fixture
def render(checkpoints, tmp_path):
    """render(*options): the pictures a command line gives."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 16, 3), np.uint8)
    Pillow.fromarray(noise).resize((256, 320), Pillow.Resampling.BICUBIC).save(tmp_path / "portrait.png")
    tone = 0.3 * np.sin(np.arange(640 * FRAMES) / 14)
    soundfile.write(tmp_path / "speech.wav", tone.astype(np.float32), 16_000)
    root, cfg = checkpoints.of("onnx")

    def make(*options):
        out = tmp_path / "out.mp4"
        given = [f"--data_root={root}", f"--cfg_pkl={cfg}", "--device=cpu", "--steps=2", "--quiet"]
        files = ["-i", str(tmp_path / "portrait.png"), "-a", str(tmp_path / "speech.wav"), "-o", str(out)]
        assert inference.main([*given, *files, *map(str, options)]) == 0
        with av.open(str(out)) as video:
            return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])

    return make


def test_style_frame_rate_framing_and_background_work_with_the_official_pack(render):
    style = ["--expression-scale", 1.5, "--pose-style", 5, "--identity-weight", 0.5, "--emotion", "happy:0.5"]
    taken = ["--ref-eyeblink", VIDEO, "--input-yaw", 0, 8]
    shown = render(*style, *taken, "--fps", 50, "--size", 160, "--background", "#204060", "--match-light")
    assert shown.shape == (2 * FRAMES, 160, 128, 3)
    behind = np.abs(shown.astype(int) - (0x20, 0x40, 0x60)).max(axis=3) < 12
    assert behind.mean() > 0.2  # in noise no person is seen
