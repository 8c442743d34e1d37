"""A person in a video says something else; every frame keeps its own head and eyes.

inference_video_preserve_motion.py --source_video I.mp4 --audio A.wav --output O.mp4 --motion_frames 50
"""

from __future__ import annotations

import sys

from stream_pipeline.front_door import enter


def main() -> int:
    from video_flags import PRESERVE_MOTION, run

    return run("inference_video_preserve_motion.py", __doc__.partition("\n")[0], PRESERVE_MOTION)


if __name__ == "__main__":
    sys.exit(enter(main))
