"""Shard archives: one ZIP holds the files of many shapes, and a rerun makes only the members that changed.

Members are stored uncompressed, so unzip gives the layout and a reader can seek. The comment of a member is the digest
of everything it was made from. A reader that finds damage renames the archive and uses no part of it, and the next run
makes it again.
"""

import contextlib
import functools
import glob
import hashlib
import json
import logging
import stat
import struct
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from template3d.runtime import seals
from template3d.runtime.errors import InputError
from template3d.runtime.files import whole
from template3d.runtime.npz import DAMAGE

log = logging.getLogger(__name__)

FAILED = "failed.json"
"""The member that lists the missing shapes, each with the reason."""
EMPTY_BYTES = 22
"""The size of a ZIP file without members."""


def digest(*sources: str | bytes | Path | dict) -> str:
    """The SHA-256, 64 hexadecimal digits, of texts, bytes, contents of files and dictionaries of JSON values.

    It depends on the order of the sources, but not on the order of a dictionary's keys.
    """
    total = hashlib.sha256()
    for source in sources:
        if isinstance(source, Path):
            with source.open("rb") as file:
                part = hashlib.file_digest(file, "sha256")
        else:
            text = json.dumps(source, sort_keys=True) if isinstance(source, dict) else source
            part = hashlib.sha256(text.encode() if isinstance(text, str) else text)
        total.update(part.digest())
    return total.hexdigest()


def update(
    archive: Path,
    sources: Mapping[str, str],
    make: Callable[[list[str]], Iterable[tuple[str, dict[str, bytes] | InputError]]],
    on_failure: str = "fail",
    lacking: Mapping[str, str] | None = None,
) -> list[str]:
    """Bring an archive up to date with a set of shapes, and copy members that are still current from the old archive.

    ``sources`` maps each shape's id to the digest of everything its files are made from. ``make`` takes a list of
    shapes and yields them in order, each with its files (name to content) or with an InputError. With ``on_failure``
    ``fail``, this raises that error with the shape's id. With ``skip``, the archive records it (see ``failures``), and
    the next update tries the shape again. ``lacking`` holds shapes that an earlier stage could not use, each with the
    reason, for the same list. The archive is replaced atomically at the end. Returns the ids of the shapes that were
    made.
    """
    digests = {shape: digest(shape, sources[shape]) for shape in sorted(sources)}  # two shapes may share one mesh
    made: list[str] = []
    failed: dict[str, str] = dict(lacking or {})
    with whole(archive) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as new:
        with _current_members(_old(archive), set(digests.values())) as old:
            stale = [shape for shape, current in digests.items() if current not in old]
            fresh = iter(make(stale)) if stale else iter(())
            for shape, current in digests.items():
                files: dict[str, bytes] | InputError
                if current in old:
                    files = old[current]()
                else:
                    name, files = next(fresh)
                    if name != shape:
                        raise RuntimeError(f"{name} was made instead of {shape}")
                if isinstance(files, InputError):
                    if on_failure == "fail":
                        raise InputError(f"{shape}: {files}; fix it or set on_bad_mesh: skip") from files
                    failed[shape] = str(files)
                    log.warning("skipped: %s: %s", shape, files)
                    continue
                for name, content in files.items():
                    _write(new, name, content, current)
                if current not in old:
                    made.append(shape)
                    log.info("%s: made, %d of %d", shape, len(made) + len(failed) - len(lacking or {}), len(stale))
        if failed:
            _write(new, FAILED, json.dumps(failed, indent=1).encode(), "")
    log.info(
        "%s: %d of %d shapes made, %d failed, the others were current", archive, len(made), len(digests), len(failed)
    )
    return made


def failures(archive: Path) -> dict[str, str]:
    """The shapes that an archive lacks because they could not be made, each with the reason."""
    with _opened(archive) as opened:
        return json.loads(_content(opened, FAILED)) if FAILED in opened.namelist() else {}


def names(archive: Path) -> set[str]:
    """The names of all members; raises InputError for a damaged archive."""
    with _opened(archive) as opened:
        return set(opened.namelist())


def checked_names(archive: Path) -> set[str]:
    """The names of all members, after reading each one; raises InputError if one is damaged."""
    return {name for name, _ in members(archive)}


def identity(archives: Iterable[Path]) -> str:
    """A digest of the contents of archives, from their members' comments, without reading the members."""
    total = hashlib.sha256()
    for archive in archives:
        with _opened(archive) as opened:
            total.update(repr([(member.filename, member.comment, member.CRC) for member in opened.infolist()]).encode())
    return total.hexdigest()


def members(archive: Path, suffix: str = "") -> Iterator[tuple[str, bytes]]:
    """The name and content of every member that ends with ``suffix``, in order.

    Raises InputError for a damaged archive.
    """
    with _opened(archive) as opened:
        for name in opened.namelist():
            if name.endswith(suffix):
                yield name, _content(opened, name)


def read(archive: Path, name: str) -> bytes:
    """The content of one member; raises InputError if it is missing or damaged."""
    with _opened(archive) as opened:
        return _content(opened, name)


def byte_ranges(archive: Path, names: Collection[str]) -> dict[str, tuple[int, int]]:
    """The offset and size, in bytes, of the contents of members within the archive's file.

    Members are stored uncompressed, so they can be mapped into memory. Raises InputError if one is missing.
    """
    with _opened(archive) as opened:
        for name in names:
            if name not in opened.NameToInfo:
                raise _damaged(archive, f"holds no {name}")
        return {name: content_range(opened, name) for name in names}


def index(archives: Iterable[Path]) -> dict[str, Path]:
    """The archive that holds each member, by the member's name."""
    return {name: archive for archive in archives for name in names(archive)}


def content_range(opened: zipfile.ZipFile, name: str) -> tuple[int, int]:
    """The offset and size, in bytes, of the content of a stored member within an open ZIP file."""
    member = opened.getinfo(name)
    assert opened.fp is not None  # it is open
    opened.fp.seek(member.header_offset + 26)
    name_length, extra_length = struct.unpack("<HH", opened.fp.read(4))
    return member.header_offset + 30 + name_length + extra_length, member.file_size


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return _sound(archive)
    except zipfile.BadZipFile as damage:
        raise _damaged(archive, f"damaged ({damage})") from damage


def _sound(archive: Path) -> zipfile.ZipFile:
    """Open an archive; raises BadZipFile if it is truncated or if this program cannot have written it.

    A shard truncated within a member that is a ZIP itself (an npz) would open as that member, whose directory is then
    the last one in the file. In that case, the first member is not at the beginning of the file. This program never
    writes names that lead out of the folder, links, or members that are larger when they are read.
    """
    opened, size = zipfile.ZipFile(archive), archive.stat().st_size
    first = min((member.header_offset for member in opened.infolist()), default=size - EMPTY_BYTES)
    flaws = [flaw for member in opened.infolist() if (flaw := _flaw(member))]
    if first:
        flaws.append("it is truncated")
    if sum(member.file_size for member in opened.infolist()) > size:
        flaws.append("its members have more bytes than it has")
    if flaws:
        opened.close()
        raise zipfile.BadZipFile(flaws[0])
    return opened


def _flaw(member: zipfile.ZipInfo) -> str | None:
    """A property, in words, that no member written by this program has; None if there is none."""
    if not is_inside(member.filename):
        return f"the name {member.filename!r} leads out of the folder"
    if member.flag_bits & 1:
        return f"{member.filename!r} is encrypted"
    if stat.S_ISLNK(member.external_attr >> 16):
        return f"{member.filename!r} is a link"
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        return f"{member.filename!r} is compressed"
    return None


def is_inside(name: str) -> bool:
    """Whether a member's name is printable and leads to a file inside the folder that it is unzipped to."""
    path = PurePosixPath(name)
    return name.isprintable() and not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _content(opened: zipfile.ZipFile, name: str) -> bytes:
    assert opened.filename is not None  # opened by its path
    try:
        return opened.read(name)
    except KeyError as missing:
        raise _damaged(Path(opened.filename), f"holds no {name}") from missing
    except DAMAGE as damage:
        raise _damaged(Path(opened.filename), f"{name} is damaged") from damage


def _old(archive: Path) -> Path:
    """The archive, or else the last one that was set aside, whose sound members are as good."""
    aside = [] if archive.exists() else archive.parent.glob(f"{glob.escape(archive.name)}.damaged*")
    return max(aside, key=lambda file: file.stat().st_mtime, default=archive)


def _damaged(archive: Path, what: str) -> InputError:
    """Set a damaged archive aside; return the error that reports it."""
    with contextlib.suppress(FileNotFoundError):  # another reader may have renamed it already
        seals.set_aside(archive)
    return InputError(f"{archive}: {what}; it is set aside, and the next run makes it again")


def _write(opened: zipfile.ZipFile, name: str, content: bytes, comment: str) -> None:
    member = zipfile.ZipInfo(name)
    member.comment, member.external_attr = comment.encode(), 0o644 << 16
    opened.writestr(member, content)


@contextlib.contextmanager
def _current_members(archive: Path, digests: set[str]) -> Iterator[dict[str, Callable[[], dict[str, bytes]]]]:
    """Functions that read the files of an old archive, by digest, while it is open.

    Damaged members are left out, and the log names them.
    """
    current: dict[str, list[str]] = {}
    try:
        opened = _sound(archive)
    except (FileNotFoundError, zipfile.BadZipFile) as damage:
        if archive.exists() and archive.stat().st_size:
            log.warning("%s: damaged (%s); everything in it is made again", archive, damage)
        yield {}
        return
    with opened as old:
        for member in old.infolist():
            if (comment := member.comment.decode(errors="replace")) in digests:
                current.setdefault(comment, []).append(member.filename)
        for comment, files in list(current.items()):
            try:
                for name in files:
                    old.read(name)
            except DAMAGE as damage:
                log.warning("%s: %s is damaged (%s); its shape is made again", archive, name, damage)
                del current[comment]
        yield {comment: functools.partial(_contents, old, files) for comment, files in current.items()}


def _contents(opened: zipfile.ZipFile, files: list[str]) -> dict[str, bytes]:
    return {name: opened.read(name) for name in files}
