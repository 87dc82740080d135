"""Limits on input files: bytes and pixels are checked before a file is read, faces and corners while it is read."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from template3d.runtime import files
from template3d.runtime.errors import InputError


@dataclass(frozen=True)
class Limits:
    """The limits in the configuration's section ``limits``."""

    mesh_mb: float = 1000.0
    mesh_faces: int = 5_000_000
    polygon_corners: int = 10_000
    materials: int = 2_000
    shape_minutes: float = 30.0
    image_mb: float = 200.0
    image_megapixels: float = 100.0

    def check_mesh(self, file: Path) -> None:
        """Raise InputError if a mesh file or a material library is no regular file or has too many bytes."""
        _check_bytes(file, self.mesh_mb, "mesh_mb")

    def check_faces(self, file: Path, triangles: int) -> None:
        """Raise InputError if the mesh of a file has too many triangles, or has them as far as it was read."""
        if triangles > self.mesh_faces:
            raise InputError(f"{file}: has more triangles than limits.mesh_faces ({self.mesh_faces}) allows")

    def check_corners(self, file: Path, corners: int) -> None:
        """Raise InputError if a polygon has too many corners."""
        if corners > self.polygon_corners:
            allowed = f"limits.polygon_corners ({self.polygon_corners})"
            raise InputError(f"{file}: has a face with more corners than {allowed} allows; triangulate it")

    def check_materials(self, file: Path, materials: int) -> None:
        """Raise InputError if a mesh or a material library names too many materials."""
        if materials > self.materials:
            raise InputError(f"{file}: names more materials than limits.materials ({self.materials}) allows")

    def check_image(self, file: Path) -> bool:
        """Raise InputError if an image file is no regular file, or has too many bytes or pixels.

        Returns whether Pillow can open it.
        """
        self.check_image_bytes(file)
        try:
            with Image.open(file) as image:  # the header only
                self.check_pixels(file, image)
        except Image.DecompressionBombError as bomb:
            raise self.too_many_pixels(file) from bomb
        except InputError:
            raise
        except Exception:  # Pillow raises many errors for broken files; the code that reads the file reports them
            return False
        return True

    def check_image_bytes(self, file: Path) -> None:
        """Raise InputError if an image file is no regular file or has too many bytes."""
        _check_bytes(file, self.image_mb, "image_mb")

    def check_pixels(self, file: Path, image: Image.Image) -> None:
        """Raise InputError, naming the file, if an image in it has too many pixels."""
        if image.width * image.height > 1e6 * self.image_megapixels:
            raise self.too_many_pixels(file, f"{image.width} x {image.height}")

    def too_many_pixels(self, file: Path, pixels: str = "hundreds of millions of") -> InputError:
        """The error for an image with too many pixels."""
        allowed = f"limits.image_megapixels ({self.image_megapixels:g})"
        return InputError(f"{file}: has {pixels} pixels, more than {allowed} allows; scale it")


USUAL = Limits()
"""The defaults of config.yaml, for use without the workflow."""


def _check_bytes(file: Path, megabytes: float, key: str) -> None:
    size = files.check_regular(file).st_size / 1e6
    if size > megabytes:
        raise InputError(f"{file}: has {size:.0f} MB, more than limits.{key} ({megabytes:g}) allows")
