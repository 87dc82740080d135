"""Shard archives: one ZIP for the files of many shapes, of which a rerun makes only what changed.

Members are stored, not compressed, so that a plain unzip gives the layout and a reader can seek. Each member's
comment is the digest of all that it was made from.
"""

import hashlib
import logging
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from template3d.errors import InputError
from template3d.files import whole

log = logging.getLogger(__name__)


def digest(*sources: str | bytes | Path) -> str:
    """One digest for texts, bytes and the contents of files, in their order; 64 hexadecimal digits."""
    total = hashlib.sha256()
    for source in sources:
        if isinstance(source, Path):
            with source.open("rb") as file:
                part = hashlib.file_digest(file, "sha256")
        else:
            part = hashlib.sha256(source.encode() if isinstance(source, str) else source)
        total.update(part.digest())
    return total.hexdigest()


def update(archive: Path, wanted: Mapping[str, str], make: Callable[[str], dict[str, bytes]]) -> list[str]:
    """Bring an archive to the wanted shapes, taking over from the old archive what is still current.

    ``wanted`` maps a shape's id to the digest of what its files are made from; ``make`` gives the files of one
    shape, name to content. The archive is replaced at the end, whole. Returns the ids that were made.
    """
    made = []
    wanted = {shape: digest(shape, sources) for shape, sources in wanted.items()}  # two shapes may share one mesh
    with whole(archive) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as new:
        old = _current_members(archive, set(wanted.values()))
        for count, (shape, current) in enumerate(sorted(wanted.items()), start=1):
            files = old.get(current)
            if files is None:
                files = make(shape)
                made.append(shape)
                log.info("%s: made %d of %d", shape, count, len(wanted))
            for name, content in files.items():
                member = zipfile.ZipInfo(name)
                member.comment, member.external_attr = current.encode(), 0o644 << 16
                new.writestr(member, content)
    log.info("%s: %d of %d shapes made, the others were current", archive, len(made), len(wanted))
    return made


def names(archive: Path) -> set[str]:
    """The names of all members; raises InputError for a damaged archive."""
    with _opened(archive) as opened:
        return set(opened.namelist())


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every member, in order; raises InputError for a damaged archive."""
    with _opened(archive) as opened:
        for name in opened.namelist():
            yield name, _content(opened, name)


def read(archive: Path, name: str) -> bytes:
    """The content of one member; raises InputError if it is missing or damaged."""
    with _opened(archive) as opened:
        return _content(opened, name)


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except zipfile.BadZipFile as damage:
        raise InputError(f"{archive}: damaged ({damage}); delete it, and the next run makes it again") from damage


def _content(opened: zipfile.ZipFile, name: str) -> bytes:
    try:
        return opened.read(name)
    except KeyError as missing:
        raise InputError(f"{opened.filename}: holds no {name}; delete it, and the next run makes it again") from missing
    except zipfile.BadZipFile as damage:
        raise InputError(f"{opened.filename}: {name} is damaged; delete the archive to make it again") from damage


def _current_members(archive: Path, wanted: set[str]) -> dict[str, dict[str, bytes]]:
    """The files of an old archive by digest; a damaged archive counts as none, and says so in the log."""
    current: dict[str, dict[str, bytes]] = {}
    if archive.exists() and archive.stat().st_size:
        try:
            with zipfile.ZipFile(archive) as old:
                for member in old.infolist():
                    if member.comment.decode() in wanted:
                        current.setdefault(member.comment.decode(), {})[member.filename] = old.read(member)
        except zipfile.BadZipFile as damage:
            log.warning("%s: damaged (%s); everything in it is made again", archive, damage)
            return {}
    return current
