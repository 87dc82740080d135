"""Safe reading of npz files and of other ZIP files from outside the pipeline."""

import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np

from template3d.runtime.errors import InputError

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError)


def check_stored(file: Path | BytesIO) -> None:
    """Raise zipfile.BadZipFile for a ZIP file (an npz, a ``.pth``) that unpacks to more bytes than it has.

    A file that is not a ZIP file passes.
    """
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as opened:
            size = file.stat().st_size if isinstance(file, Path) else file.getbuffer().nbytes
            if sum(member.file_size for member in opened.infolist()) > size:
                raise zipfile.BadZipFile("its members have more bytes than it has")


def arrays(content: bytes, source: str | Path) -> dict[str, np.ndarray]:
    """The arrays of an npz file by name, from its bytes; raises InputError, naming ``source``, if it is damaged."""
    try:
        check_stored(BytesIO(content))
        with np.load(BytesIO(content)) as opened:
            return dict(opened)
    except (*DAMAGE, OSError, ValueError) as damage:
        raise InputError(f"{source}: damaged ({damage}); delete the archive that it is in, and run again") from damage
