"""Faces found, followed and judged: the one entry to this folder."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ditto.arrays import Image, Numbers
from ditto.faces.blaze_face import SAME_FACE, Detection, overlaps
from ditto.faces.detector import FaceDetector, plain
from ditto.faces.likeness import SURE_CERTAINTY, Likeness
from ditto.faces.mask import PersonMask
from ditto.faces.mesh import REGION_PER_FACE, FaceMesh, Mesh, Region, region_of_detection, region_of_landmarks
from model_formats import open_model
from model_formats.backend import Backend

MIN_PRESENCE = 0.5  # below this the mesh network sees no face
MIN_CLOSE_CERTAINTY = 0.3  # below this the detector, seen close, sees none: two looks of three in vain
MAX_REGION_STEPS = 4  # towards the region in which a mesh is seen best
MAX_SETTLED_MOVE = 0.02  # of its size: a region that moves less has found its place
STILL_VIEWS = 8  # slightly different looks at a still face whose landmarks are averaged
LIP_MARKS = (61, 291, 13, 14, 0, 17, 78, 308)  # mesh points whose place tells how plain a mouth is


@dataclass(frozen=True, slots=True, eq=False)
class FoundFace:
    """One face in a picture."""

    landmarks: Numbers  # (478, 3) pixels, depth in the same scale
    score: float  # 0..1 of the detector, seen close; 1 where it was followed
    presence: float  # 0..1 of the mesh
    human: bool = True  # rather than an animal, or nothing at all

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

    def __init__(self, detector: Backend, mesh: Backend, mask: Backend) -> None:
        self._networks = (detector, mesh, mask)
        self._detector = FaceDetector(detector)
        self._mesh = FaceMesh(mesh)
        self._mask = PersonMask(mask)

    @classmethod
    def open(cls, folder: Path, threads: int = 1) -> FaceFinder:
        """From the folder that holds the three networks."""

        def network(name: str) -> Backend:
            return open_model(folder / name, threads=threads)

        return cls(network("face_detector.onnx"), network("face_mesh.onnx"), network("person_mask.onnx"))

    def close(self) -> None:
        for network in self._networks:
            network.close()

    def find(self, image: Image) -> list[FoundFace]:
        """All human faces, the largest first."""
        return [face for face in self.look(image) if face.human]

    def look(self, image: Image, thorough: bool = True, brief: bool = False) -> list[FoundFace]:
        """All that looks like a face, those of animals among it, the largest first.

        Where a face was seen more than one way up, the way the detector is surest of is it. Unless
        `thorough`, a large, upright human face ends the search; a `brief` one leaves out small faces.
        """
        detections = self._detector(image, thorough, brief)
        faces = self._judged(image, detections)
        longest = max(image.shape[:2])
        ended_early = not thorough and any(plain(face, longest) for face in detections)
        if not ended_early or any(face.human for face in faces):
            return faces
        return self._judged(image, self._detector(image, True, brief))

    def _judged(self, image: Image, detections: list[Detection]) -> list[FoundFace]:
        found: list[FoundFace] = []
        for detection in detections:
            mesh = self._settled(image, region_of_detection(detection))
            if mesh.presence >= MIN_PRESENCE:
                certainty = self.certainty(image, mesh.landmarks)
                if certainty >= MIN_CLOSE_CERTAINTY:
                    found.append(FoundFace(mesh.landmarks, certainty, float(mesh.presence)))
        kept: list[FoundFace] = []
        for face in sorted(found, key=lambda face: -face.score):
            if not any(shared(face, other) > SAME_FACE for other in kept):
                kept.append(face)
        judged = [
            face
            if face.score >= SURE_CERTAINTY
            else dataclasses.replace(face, human=self.likeness(image, face).human)
            for face in kept
        ]
        return sorted(judged, key=lambda face: -face.size)

    def _settled(self, image: Image, region: Region) -> Mesh:
        """The mesh in a region, in the region it asks for itself, and so on until it stays there."""
        mesh = self._mesh(image, region)
        for _ in range(MAX_REGION_STEPS):
            if mesh.presence < MIN_PRESENCE:
                break
            before, region = region, region_of_landmarks(mesh.landmarks)
            mesh = self._mesh(image, region)
            moved = float(np.abs(region.centre - before.centre).max())
            if max(moved, abs(region.side - before.side)) < MAX_SETTLED_MOVE * region.side:
                break
        return mesh

    def certainty(self, image: Image, landmarks: Numbers) -> float:
        """0..1: how sure the detector is of a face with these landmarks, looking at it closely."""
        region = region_of_landmarks(landmarks)
        return self._detector.certainty(image, region.centre, region.side / REGION_PER_FACE, region.angle)

    def likeness(self, image: Image, face: FoundFace) -> Likeness:
        """Likeness to a human face, judged by further views of it."""
        region = region_of_landmarks(face.landmarks)
        lips = []
        for near, far in ((0.015, 0.03), (0.03, 0.07)):
            looks = [self._mesh(image, view).landmarks for view in glances(region, STILL_VIEWS, near, far)]
            places = np.stack([look[list(LIP_MARKS), :2] for look in looks])
            lips.append(np.linalg.norm(places - places.mean(axis=0), axis=-1).mean())
        wander = float(np.sqrt(lips[0] * lips[1])) * REGION_PER_FACE / region.side
        return Likeness(self.certainty(image, face.landmarks), wander)

    def track(self, image: Image, previous: Numbers) -> FoundFace | None:
        """The face whose landmarks were `previous` a moment ago; None where it is lost."""
        mesh = self._mesh(image, region_of_landmarks(previous))
        if mesh.presence < MIN_PRESENCE:
            return None
        return FoundFace(mesh.landmarks, 1.0, mesh.presence)

    def refine(self, image: Image, face: FoundFace, views: int = STILL_VIEWS) -> FoundFace:
        """The same face with landmarks averaged over slightly different views of it."""
        region = region_of_landmarks(face.landmarks)
        around = [region, *glances(region, views - 1, 0.015, 0.03)]
        seen = [self._mesh(image, view).landmarks for view in around]
        return dataclasses.replace(face, landmarks=np.mean(seen, axis=0, dtype=np.float32))

    def person(self, image: Image) -> Numbers:
        """(h, w) in 0..1: what belongs to a person."""
        return self._mask(image)


def shared(face: FoundFace, other: FoundFace) -> float:
    """The part of two faces' boxes that belongs to both."""
    box, another = face.box, other.box[None]
    return float(overlaps(box[:2], box[2:], another[:, :2], another[:, 2:])[0])


def glances(region: Region, count: int, shift: float, turn: float) -> list[Region]:
    """Regions like the given one; the same every time. `shift` in sides, `turn` in radians and growth."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        right, down, zoom, angle = rng.normal(0, (shift, shift, turn, turn))
        centre = region.centre + region.side * np.array([right, down])
        found.append(Region(centre, region.side * (1 + zoom), region.angle + angle))
    return found
