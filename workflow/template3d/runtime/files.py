"""Files: a check before a user's file is read, and atomic writes, which write a file completely or not at all."""

import contextlib
import fcntl
import logging
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from template3d.runtime.errors import InputError
from template3d.runtime.machines import Writer

log = logging.getLogger(__name__)

PREFIX = ".writing-"
"""The beginning of the name of a folder for temporary files."""
WRITER = ".writer"
"""The file in it that the writer locks; it says who that is."""
STALE_SECONDS = 24 * 3600
"""The age from which a folder of temporary files is stale, even if another machine may have written it."""

KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
KINDS |= {stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


@contextlib.contextmanager
def whole(file: str | Path) -> Iterator[Path]:
    """Yield a temporary path to write to; on success it replaces ``file``, on an error it is deleted.

    The path is in a hidden folder beside ``file``, so that it has the name of ``file`` whatever its length, and so that
    a killed process leaves nothing outside that folder: safetensors, for one, writes to another name first. The writer
    holds a lock on the folder. The first thing this does is to delete such folders of killed processes beside ``file``.

    Raises IsADirectoryError if ``file`` is a folder, and OSError if it cannot be written.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir():
        raise IsADirectoryError(f"{file}: is a folder")
    writer = Writer.here(file.parent)
    _delete_stale_folders(file.parent, writer)
    with _locked_folder(file.parent, writer) as folder:
        beside = folder / file.name
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.chmod(0o666 & ~_umask())
        beside.replace(file)


def check_regular(file: Path) -> os.stat_result:
    """The state of a file; raises InputError unless it is a regular file, or a link to one, that you may read.

    Nothing is opened, because to open a named pipe may block for ever, and to read a device may never end.
    """
    try:
        state = file.stat()
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or str(error)
        if file.is_symlink():
            reason = f"is a link that leads nowhere ({reason}); replace it by the file itself"
        raise InputError(f"{file}: {reason}") from error
    if not stat.S_ISREG(state.st_mode):
        kind = KINDS.get(stat.S_IFMT(state.st_mode), "no regular file")
        raise InputError(f"{file}: is {kind}, not a regular file; replace it by the file itself")
    if not os.access(file, os.R_OK):
        raise InputError(f"{file}: you may not read it; change its permissions")
    return state


def write_text(file: str | Path, text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    with whole(file) as beside:
        beside.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _locked_folder(parent: Path, writer: Writer) -> Iterator[Path]:
    """A new folder with a locked file that names this process; both are deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        with (folder / WRITER).open("w", encoding="utf-8") as lock:
            # another process may hold it for the moment in which it sees that the file does not name a writer yet
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write(writer.line())
            lock.flush()
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _delete_stale_folders(parent: Path, me: Writer) -> None:
    with os.scandir(parent) as entries:
        folders = [Path(entry.path) for entry in entries if entry.name.startswith(PREFIX) and entry.is_dir()]
    for folder in folders:
        with contextlib.suppress(OSError):  # another process has deleted it, or it is another user's
            if _is_stale(folder, me):
                shutil.rmtree(folder)
                log.info("%s: deleted the temporary files of a process that was killed", folder)


def _is_stale(folder: Path, me: Writer) -> bool:
    """Whether the process that wrote a folder of temporary files has ended."""
    with (folder / WRITER).open("r+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locks_work = True
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            locks_work = False
        writer = Writer.parse(lock.read())
    if writer is None:  # it has just begun, or a user made this folder
        return False
    if locks_work and writer.shares_locks_with(me):
        return True
    gone = writer.process() is None
    return gone and ((not locks_work and writer.is_visible()) or _age(folder) > STALE_SECONDS)


def _age(folder: Path) -> float:
    """Seconds since the newest change in a folder."""
    return time.time() - max(path.stat().st_mtime for path in [folder, *folder.rglob("*")])


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
