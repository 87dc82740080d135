"""The signed distance samples of shapes: writes DeepSDF's files, and reads them by mapping them into memory."""

import mmap
from collections.abc import Collection, Iterator
from io import BytesIO, RawIOBase
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import numpy as np

from template3d.data import archives

SIDES = ("pos", "neg")


def member_name(synset: str, shape: str) -> str:
    """The member with a shape's samples, in DeepSDF's layout."""
    return f"SdfSamples/ShapeNetV2/{synset}/{shape}.npz"


def to_bytes(samples: dict[str, np.ndarray], dropped: int = 0) -> bytes:
    """The npz file of one shape, uncompressed: float32 ``pos`` and ``neg``, each (N, 4), as in DeepSDF.

    Its array ``dropped`` () is the number of samples that were left out because they contradict others.
    """
    file = BytesIO()
    np.savez(file, **{side: samples[side] for side in SIDES}, dropped=np.int64(dropped))
    return file.getvalue()


def mapped(archive: Path, names: Collection[str]) -> dict[str, dict[str, np.ndarray]]:
    """The ``pos`` and ``neg`` (N, 4) of shapes, mapped into memory, so that the disk is read only on access.

    One map serves the whole archive. Raises InputError if the archive is damaged or lacks a member.
    """
    return {
        name: {side: _array(window, start + archives.content_range(opened, f"{side}.npy")[0]) for side in SIDES}
        for name, window, start, opened in _opened(archive, names)
    }


def dropped(archive: Path) -> dict[str, int]:
    """The number of samples of each shape in an ``sdf.zip`` that were left out; reads no samples."""
    names = [name for name in archives.names(archive) if name != archives.FAILED]
    numbers = ((name, opened.read("dropped.npy")) for name, _, _, opened in _opened(archive, names))
    return {PurePosixPath(name).stem: int(np.load(BytesIO(content))) for name, content in numbers}


def _opened(archive: Path, names: Collection[str]) -> Iterator[tuple[str, mmap.mmap, int, ZipFile]]:
    """The npz file of each member, open within the mapped archive, and its first byte there."""
    byte_ranges = archives.byte_ranges(archive, names)
    if not byte_ranges:
        return
    with archive.open("rb") as file:
        window = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    for name, (start, size) in byte_ranges.items():
        with ZipFile(_Part(window, start, size)) as npz:
            yield name, window, start, npz


class _Part(RawIOBase):
    """A part of a mapped file as a separate file object."""

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
