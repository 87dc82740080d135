"""The files that a job writes beside its declared result, such as one for each photo of a folder."""

import contextlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from template3d.data import archives, photos
from template3d.runtime import caches, seals
from template3d.runtime.errors import InputError

log = logging.getLogger(__name__)


class Products:
    """The undeclared files that earlier runs wrote beside a declared result, and those that this run writes.

    A file that no run wrote is never deleted or replaced.
    """

    def __init__(self, result: Path) -> None:
        """Read which files earlier runs wrote, from the seal of ``result`` and from their own list."""
        self.folder = result.parent
        self._list = result.with_name(f".{result.name}.files")
        self._written: dict[str, str] = {}
        """The digest of each file; empty for those of a run that was killed."""
        with contextlib.suppress(FileNotFoundError, InputError):  # damaged: the list alone counts
            self._written |= seals.read(result).members
        self._written |= caches.read(self._list)

    def delete_old(self) -> None:
        """Delete the files of earlier runs, because they may no longer be wanted; set aside what was edited."""
        for name, digest in self._written.items():
            file = self.folder / name
            if not archives.is_inside(photos.printable(name)) or not file.is_file():
                continue
            if digest and seals.digest(file) != digest:
                log.warning("%s was edited; it is set aside as %s", file, seals.set_aside(file).name)
            else:
                file.unlink()

    def claim(self, products: Iterable[Path]) -> set[Path]:
        """Record that this run writes ``products``; returns those that exist, which it must not replace."""
        wanted = list(products)
        existing = {file for file in wanted if os.path.lexists(file)}
        self._written = {str(file.relative_to(self.folder)): "" for file in wanted if file not in existing}
        caches.write(self._list, self._written)
        return existing

    def finished(self) -> list[Path]:
        """The files that this run wrote, all of them."""
        written = sorted(file for name in self._written if (file := self.folder / name).is_file())
        caches.write(self._list, {str(file.relative_to(self.folder)): seals.digest(file) for file in written})
        return written
