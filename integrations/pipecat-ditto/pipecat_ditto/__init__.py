"""A talking portrait for Pipecat, rendered by the Ditto Engine on the pipeline's own machine."""

from pipecat_ditto.service import DittoVideoService

__all__ = ["DittoVideoService"]
