"""The signed distance samples of shapes: DeepSDF's files, written, and read without reading all of them."""

import mmap
from collections.abc import Collection
from io import BytesIO, RawIOBase
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from template3d.data import archives

SIDES = ("pos", "neg")


def member_name(synset: str, shape: str) -> str:
    """Where a shape's samples lie in an archive, and after unzipping: DeepSDF's layout."""
    return f"SdfSamples/ShapeNetV2/{synset}/{shape}.npz"


def to_bytes(samples: dict[str, np.ndarray]) -> bytes:
    """The npz file of one shape: float32 ``pos`` and ``neg``, each (N, 4), not compressed."""
    file = BytesIO()
    np.savez(file, **{side: samples[side] for side in SIDES})
    return file.getvalue()


def mapped(archive: Path, names: Collection[str]) -> dict[str, dict[str, np.ndarray]]:
    """The ``pos`` and ``neg`` (N, 4) of some shapes, mapped into memory: only what is looked at is read from the disk.

    One map, and one open file, for the whole archive. Raises InputError if it is damaged or holds no such member.
    """
    byte_ranges = archives.byte_ranges(archive, names)
    with archive.open("rb") as file:
        window = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    found = {}
    for name, (start, size) in byte_ranges.items():
        with ZipFile(_Part(window, start, size)) as npz:
            found[name] = {
                side: _array(window, start + archives.content_place(npz, f"{side}.npy")[0]) for side in SIDES
            }
    return found


class _Part(RawIOBase):
    """A part of a mapped file, as a file of its own."""

    def __init__(self, window: mmap.mmap, start: int, size: int) -> None:
        self._window, self._start, self._size, self._at = window, start, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        end = self._size if count is None or count < 0 else min(self._at + count, self._size)
        content = self._window[self._start + self._at : self._start + end]
        self._at = max(end, self._at)
        return content


def _array(window: mmap.mmap, start: int) -> np.ndarray:
    window.seek(start)
    version = np.lib.format.read_magic(window)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, _, dtype = read_header(window)
    return np.frombuffer(window, dtype, count=int(np.prod(shape)), offset=window.tell()).reshape(shape)
