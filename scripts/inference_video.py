"""A person in a video says something else.

inference_video.py --source_video I.mp4 --audio A.wav --output O.mp4 --template_n_frames 50
"""

from __future__ import annotations

import sys

from stream_pipeline.front_door import enter


def main() -> int:
    from video_flags import VIDEO, run

    return run("inference_video.py", __doc__.partition("\n")[0], VIDEO)


if __name__ == "__main__":
    sys.exit(enter(main))
