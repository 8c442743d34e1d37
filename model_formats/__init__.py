"""Open a model file and run named arrays through it."""

from model_formats.backend import Backend, Precision, TorchNetwork
from model_formats.opening import open_model

__all__ = ["Backend", "Precision", "TorchNetwork", "open_model"]
