"""Files written whole or not at all."""

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
    """Give a path beside ``file`` to write to; on success it takes the file's place, on an error it goes away.

    What a process of this machine that was killed left half written goes away, too; that of other machines stays.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{file.name}.{socket.gethostname()}@"
    for left in file.parent.glob(f"{glob.escape(prefix)}*"):
        if not psutil.pid_exists(int(left.name.removeprefix(prefix).split(".")[0])):
            left.unlink(missing_ok=True)
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
    """Write a text file, whole or not at all."""
    with whole(file) as beside:
        beside.write_text(text, encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
