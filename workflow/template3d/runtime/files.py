"""Atomic writes: a file is written completely or not at all."""

import contextlib
import glob
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil


@contextlib.contextmanager
def whole(file: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``file`` to write to; on success it replaces ``file``, on an error it is deleted.

    Also deletes the temporary files that killed processes of this machine left; those of other machines stay.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{file.name}.{socket.gethostname()}@"
    for leftover in file.parent.glob(f"{glob.escape(prefix)}*"):
        if not psutil.pid_exists(int(leftover.name.removeprefix(prefix).split(".")[0])):
            leftover.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{prefix}{os.getpid()}.", suffix=file.suffix, dir=file.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.chmod(0o666 & ~_umask())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def write_text(file: str | Path, text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    with whole(file) as beside:
        beside.write_text(text, encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
