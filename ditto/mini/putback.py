"""The mini pack's compositor: the painted box back in its picture."""

from __future__ import annotations

from ditto.messages import Image, Pose


class MiniCompositor:
    """The whole frame, a new array; for a pose at rest, the source bit for bit."""

    def __call__(self, pose: Pose, face: Image | None) -> Image:
        result: Image = pose.source.image.copy()
        if face is not None:
            left, top, right, bottom = pose.source.appearance.box
            result[top:bottom, left:right] = face
        return result
