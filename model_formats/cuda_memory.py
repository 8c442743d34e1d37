"""Memory of a CUDA GPU for libraries that bring none of their own. Not run on a GPU yet."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError

Host = npt.NDArray[np.generic]


class DeviceMemory(Protocol):
    """GPU memory as an engine needs it; addresses are integers."""

    name: str  # of the GPU
    capability: str  # "9.0"
    driver: str  # the CUDA version it speaks, "13.0"
    stream: int  # handle of the stream that all work of one network goes through

    def select(self) -> None:
        """Makes it the GPU of the calling thread; each thread has a current one."""

    def allocate(self, size: int) -> int: ...

    def free(self, address: int) -> None: ...

    def upload(self, address: int, array: Host) -> None: ...

    def download(self, array: Host, address: int) -> None: ...

    def wait_for_others(self) -> None:
        """Returns when everything put on the GPU by anyone in this process is done."""

    def wait(self) -> None:
        """Returns when the stream is done."""

    def close(self) -> None: ...


class CudaMemory:
    """Memory and a stream of one GPU, through NVIDIA's own Python bindings."""

    def __init__(self, index: int = 0) -> None:
        try:
            from cuda.bindings import runtime
        except ImportError as error:
            raise ModelError(
                "an .engine file needs CUDA's Python bindings: pip install cuda-bindings"
            ) from error
        self._cuda = runtime
        self._index = index
        count = int(self._call("cudaGetDeviceCount"))
        if index >= count:
            raise ModelError(f"device 'cuda:{index}' was asked for, but there are {count} GPUs")
        self.select()
        properties = self._call("cudaGetDeviceProperties", index)
        self.name = properties.name.decode(errors="replace").rstrip("\0")
        self.capability = f"{properties.major}.{properties.minor}"
        speaks = int(self._call("cudaDriverGetVersion"))
        self.driver = f"{speaks // 1000}.{speaks % 1000 // 10}"
        self.stream = int(self._call("cudaStreamCreate"))

    def select(self) -> None:
        self._call("cudaSetDevice", self._index)

    def allocate(self, size: int) -> int:
        return int(self._call("cudaMalloc", size))

    def free(self, address: int) -> None:
        self._call("cudaFree", address)

    def upload(self, address: int, array: Host) -> None:
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call("cudaMemcpyAsync", address, array.ctypes.data, array.nbytes, kind, self.stream)

    def download(self, array: Host, address: int) -> None:
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call("cudaMemcpyAsync", array.ctypes.data, address, array.nbytes, kind, self.stream)

    def wait_for_others(self) -> None:
        self._call("cudaDeviceSynchronize")

    def wait(self) -> None:
        self._call("cudaStreamSynchronize", self.stream)

    def close(self) -> None:
        self._call("cudaStreamDestroy", self.stream)

    def _call(self, name: str, *arguments: object) -> Any:
        status, *results = getattr(self._cuda, name)(*arguments)
        if int(status) != 0:
            words = self._cuda.cudaGetErrorString(status)[1].decode(errors="replace")
            raise ModelError(f"{name} failed on the GPU: {words}")
        return results[0] if results else None


class DeviceArray:
    """A result left on the GPU; anything that reads `__cuda_array_interface__` takes it without a copy."""

    def __init__(self, address: int, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self.shape = shape
        self.__cuda_array_interface__ = {
            "shape": shape,
            "typestr": dtype.str,
            "data": (address, False),
            "strides": None,
            "version": 3,
        }
