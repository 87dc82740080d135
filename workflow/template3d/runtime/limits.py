"""Limits on the size of input files. Bytes and pixels are checked before a file is read, faces after."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from template3d.runtime.errors import InputError


@dataclass(frozen=True)
class Limits:
    """The limits in the configuration's section ``limits``."""

    mesh_mb: float = 1000.0
    mesh_faces: int = 5_000_000
    image_mb: float = 200.0
    image_megapixels: float = 100.0

    def check_mesh(self, file: Path) -> None:
        """Raise InputError if a mesh file or a material library has too many bytes."""
        _check_bytes(file, self.mesh_mb, "mesh_mb")

    def check_faces(self, file: Path, faces: int) -> None:
        """Raise InputError if the mesh of a file has too many faces."""
        if faces > self.mesh_faces:
            raise InputError(f"{file}: has {faces} faces, more than limits.mesh_faces ({self.mesh_faces}) allows")

    def check_image(self, file: Path) -> bool:
        """Raise InputError if an image file has too many bytes or pixels; return whether Pillow can open it."""
        _check_bytes(file, self.image_mb, "image_mb")
        try:
            with Image.open(file) as image:  # the header only
                self.check_pixels(file, image)
        except Image.DecompressionBombError as bomb:
            raise InputError(self._too_many(file, "hundreds of millions of")) from bomb
        except InputError:
            raise
        except Exception:  # Pillow raises many errors for broken files; the code that reads the file reports them
            return False
        return True

    def check_pixels(self, file: Path, image: Image.Image) -> None:
        """Raise InputError, naming the file, if an image in it has too many pixels."""
        if image.width * image.height > 1e6 * self.image_megapixels:
            raise InputError(self._too_many(file, f"{image.width} x {image.height}"))

    def _too_many(self, file: Path, pixels: str) -> str:
        allowed = f"limits.image_megapixels ({self.image_megapixels:g})"
        return f"{file}: has {pixels} pixels, more than {allowed} allows; scale it"


USUAL = Limits()
"""The defaults of config.yaml, for use without the workflow."""


def _check_bytes(file: Path, megabytes: float, key: str) -> None:
    size = file.stat().st_size / 1e6
    if size > megabytes:
        raise InputError(f"{file}: has {size:.0f} MB, more than limits.{key} ({megabytes:g}) allows")
