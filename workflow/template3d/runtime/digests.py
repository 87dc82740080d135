"""Digests of files, cached by size and times, so that only files that changed are read again."""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from template3d.runtime import caches, files
from template3d.runtime.errors import InputError


def of_files(paths: Iterable[Path], cache: Path) -> dict[Path, str]:
    """The digest (12 hexadecimal digits of the SHA-256) of each file's content.

    ``cache`` is a JSON file that holds the digests of the last call, with the size and the times of modification and
    change of each file. A file that cannot be read has the error message instead of a digest.
    """
    known = caches.read(cache)
    states = {path: state_of(path) for path in paths}
    changed = [path for path, state in states.items() if known.get(str(path), ())[:-1] != state]
    with ThreadPoolExecutor() as threads:  # hashing releases the interpreter's lock
        fresh = dict(zip(changed, threads.map(_digest, changed), strict=True))
    digests = {path: fresh[path] if path in fresh else known[str(path)][-1] for path in states}
    if fresh or len(known) != len(states):
        entries = {str(path): [*state, digests[path]] for path, state in states.items()}
        caches.write(cache, entries)
    return digests


def state_of(path: Path) -> list[int]:
    """The size and the times of modification and change of a file; empty if it cannot be read."""
    try:
        found = os.stat(path)  # noqa: PTH116 - fast
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _digest(path: Path) -> str:
    try:
        files.check_regular(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]
    except InputError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
