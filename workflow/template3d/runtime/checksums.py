"""Checksums of the files of a folder that is handed over, in the form of ``sha256sum``: one line a file."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from template3d.runtime import files
from template3d.runtime.errors import InputError

NAME = "SHA256SUMS"
"""The file with the checksums; ``sha256sum -c SHA256SUMS`` compares them, too."""


def sha256(file: Path) -> str:
    """The SHA-256 (64 hexadecimal digits) of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write(folder: Path, names: Iterable[str]) -> None:
    """Write the SHA-256 of some files of a folder beside them."""
    files.write_text(folder / NAME, "".join(f"{sha256(folder / name)}  {name}\n" for name in names))


def check(file: Path) -> None:
    """Raise InputError if a file is not what the checksums beside it say; without a checksum, nothing is compared."""
    sums = file.with_name(NAME)
    if not sums.exists():
        return
    files.check_regular(sums)
    for line in sums.read_text(encoding="utf-8", errors="replace").splitlines():
        expected, _, name = line.partition("  ")
        if name == file.name and expected != sha256(file):
            raise InputError(
                f"{file}: is not what {NAME} beside it says: it is damaged or edited; get the folder again"
            )
