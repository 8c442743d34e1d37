"""The fake pack of the pipeline's tests, whose streams are measured here."""

from tests.stream_pipeline.conftest import fake_pack, portrait, settings

__all__ = ["fake_pack", "portrait", "settings"]
