"""Faces found, followed and judged: the one entry to this folder."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ditto.faces.detector import FaceDetector, Network, Numbers
from ditto.faces.mask import PersonMask
from ditto.faces.mesh import FaceMesh, Region, region_of_detection, region_of_landmarks
from ditto.messages import Image
from model_formats import open_model

LEAST_PRESENCE = 0.5  # below this the mesh network sees no face
VIEWS = 8  # slightly different looks at a still face whose landmarks are averaged


@dataclass(frozen=True, slots=True, eq=False)
class FoundFace:
    """One face in a picture."""

    landmarks: Numbers  # (478, 3) pixels, depth in the same scale
    score: float  # 0..1 of the detector; 1 where it was followed
    presence: float  # 0..1 of the mesh

    @property
    def box(self) -> Numbers:
        """(4,) left, top, right, bottom."""
        points = self.landmarks[:468, :2]
        return np.concatenate([points.min(axis=0), points.max(axis=0)])

    @property
    def size(self) -> float:
        """Pixels of the longer side of its box."""
        left, top, right, bottom = self.box
        return float(max(right - left, bottom - top))


class FaceFinder:
    """Detector, mesh and mask together; without memory, so one serves many threads."""

    def __init__(self, detector: FaceDetector, mesh: FaceMesh, mask: PersonMask) -> None:
        self._detector = detector
        self._mesh = mesh
        self._mask = mask

    @classmethod
    def open(cls, folder: Path, threads: int = 1) -> FaceFinder:
        """From the folder that holds the three networks."""

        def network(name: str) -> Network:
            return open_model(folder / name, threads=threads)

        return cls(
            FaceDetector(network("face_detector.onnx")),
            FaceMesh(network("face_mesh.onnx")),
            PersonMask(network("person_mask.onnx")),
        )

    def find(self, image: Image) -> list[FoundFace]:
        """All faces, the largest first."""
        found: list[FoundFace] = []
        for detection in self._detector(image):
            mesh = self._mesh(image, region_of_detection(detection))
            if mesh.presence >= LEAST_PRESENCE:
                mesh = self._mesh(image, region_of_landmarks(mesh.landmarks))
            if mesh.presence >= LEAST_PRESENCE:
                found.append(FoundFace(mesh.landmarks, detection.score, float(mesh.presence)))
        return sorted(found, key=lambda face: -face.size)

    def track(self, image: Image, previous: Numbers) -> FoundFace | None:
        """The face whose landmarks were `previous` a moment ago; None where it is lost."""
        mesh = self._mesh(image, region_of_landmarks(previous))
        if mesh.presence < LEAST_PRESENCE:
            return None
        return FoundFace(mesh.landmarks, 1.0, mesh.presence)

    def refine(self, image: Image, face: FoundFace, views: int = VIEWS) -> FoundFace:
        """The same face with landmarks averaged over slightly different views of it."""
        region = region_of_landmarks(face.landmarks)
        rng = np.random.default_rng(0)
        looks = [self._mesh(image, region).landmarks]
        for _ in range(views - 1):
            right, down, zoom, turn = rng.normal(0, (0.015, 0.015, 0.03, 0.03))
            view = Region(
                region.centre + region.side * np.array([right, down]),
                region.side * (1 + zoom),
                region.angle + turn,
            )
            looks.append(self._mesh(image, view).landmarks)
        return dataclasses.replace(face, landmarks=np.mean(looks, axis=0, dtype=np.float32))

    def person(self, image: Image) -> Numbers:
        """(h, w) in 0..1: what belongs to a person."""
        return self._mask(image)
