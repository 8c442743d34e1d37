"""A person in a video says something else, and how much of that is seen is chosen.

inference_video_blend_control.py --source_video I.mp4 --audio A.wav --output O.mp4 --blend_mode strong
"""

from __future__ import annotations

import sys

from stream_pipeline.front_door import enter


def main() -> int:
    from video_flags import BLEND_CONTROL, run

    return run("inference_video_blend_control.py", __doc__.partition("\n")[0], BLEND_CONTROL)


if __name__ == "__main__":
    sys.exit(enter(main))
