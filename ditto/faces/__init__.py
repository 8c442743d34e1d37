"""Faces in pictures, on ONNX Runtime alone: where they are, their 478 landmarks, and the person's mask."""
