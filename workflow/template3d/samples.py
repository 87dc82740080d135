"""The signed distance samples of shapes: DeepSDF's files, written, and read without reading all of them."""

import mmap
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from template3d import archives

SIDES = ("pos", "neg")


def member_name(synset: str, shape: str) -> str:
    """Where a shape's samples lie in an archive, and after unzipping: DeepSDF's layout."""
    return f"SdfSamples/ShapeNetV2/{synset}/{shape}.npz"


def to_bytes(samples: dict[str, np.ndarray]) -> bytes:
    """The npz file of one shape: float32 ``pos`` and ``neg``, each (N, 4), not compressed."""
    file = BytesIO()
    np.savez(file, **{side: samples[side] for side in SIDES})
    return file.getvalue()


def mapped(archive: Path, name: str) -> dict[str, np.ndarray]:
    """The ``pos`` and ``neg`` (N, 4) of one shape, mapped into memory: only what is looked at is read from the disk.

    Raises InputError if the archive is damaged or holds no such member.
    """
    start, size = archives.place(archive, name)
    page = start - start % mmap.ALLOCATIONGRANULARITY
    with archive.open("rb") as file:
        window = mmap.mmap(file.fileno(), start + size - page, access=mmap.ACCESS_READ, offset=page)
    window.seek(start - page)
    with ZipFile(_Tail(window, start - page)) as npz:
        return {side: _array(window, start - page + archives.content_place(npz, f"{side}.npy")[0]) for side in SIDES}


class _Tail:
    """The end of an open file, as a file of its own."""

    def __init__(self, file: mmap.mmap, start: int) -> None:
        self._file, self._start = file, start

    def seekable(self) -> bool:
        return True

    def read(self, count: int | None = None) -> bytes:
        return self._file.read(count)

    def tell(self) -> int:
        return self._file.tell() - self._start

    def seek(self, offset: int, whence: int = 0) -> int:
        self._file.seek(offset + (0 if whence else self._start), whence)
        return self.tell()


def _array(window: mmap.mmap, start: int) -> np.ndarray:
    window.seek(start)
    version = np.lib.format.read_magic(window)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, _, dtype = read_header(window)
    return np.frombuffer(window, dtype, count=int(np.prod(shape)), offset=window.tell()).reshape(shape)
