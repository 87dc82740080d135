"""Seals: beside each result, a hidden file that says what the result is, what it was made from, and its digest.

So a reader notices a result that was damaged, exchanged or edited, also where the file can still be read.
"""

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from template3d.runtime.digests import state_of
from template3d.runtime.errors import InputError
from template3d.runtime.files import check_regular, write_text

WHOLE_BYTES = 64_000_000
"""Of a larger archive only the directory is digested. It has the checksum of each member, which its reader compares."""
END = b"PK\x05\x06"
"""The signature of the record at the end of a ZIP file."""
CHANGED = "is not what was written there: it is damaged, exchanged or edited"
PATIENCE = 10.0
"""Seconds until a job counts a seal as missing, because network file systems show new files late."""


@dataclass(frozen=True)
class Seal:
    """What a result is and what it was made from."""

    result: str
    """Its path, relative to the folder of the run."""
    digest: str
    """The digest of its content (``digest``)."""
    made_from: str
    """The digest of the rule and all its params."""
    rule: str
    wildcards: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """The params without the code."""
    code: str = ""
    """The digest of the code."""
    packages: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    """The results that it was made from, each with its digest."""
    sources: dict[str, list] = field(default_factory=dict)
    """The other files that it was made from, such as meshes, each as in ``source_state``."""
    members: dict[str, str] = field(default_factory=dict)
    """Undeclared files that were written with it, relative to its folder, each with its digest."""

    def write(self, result: Path) -> None:
        """Write the seal of ``result``."""
        content = json.loads(json.dumps(asdict(self), default=str))
        write_text(path_of(result), json.dumps(content | {"digest_of_seal": _of_values(content)}, indent=1) + "\n")


def path_of(result: Path) -> Path:
    """The path of a result's seal."""
    return result.with_name(f".{result.name}.seal")


def read(result: Path) -> Seal:
    """The seal of a result; raises FileNotFoundError if there is none, and InputError if it is damaged."""
    file = path_of(result)
    if not os.path.lexists(file):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    check_regular(file)
    try:
        content = json.loads(file.read_bytes())
        if content.pop("digest_of_seal") != _of_values(content):
            raise ValueError("it is not what was written")
        seal = Seal(**content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"{file}: damaged ({error})") from error
    if outside := [name for name in seal.members if {"..", "/"}.intersection(Path(name).parts)]:
        raise InputError(f"{file}: damaged ({outside[0]!r} is not beside it)")
    return seal


def ancestors(results: Iterable[str]) -> dict[str, Seal | None]:
    """The seals of results, given by their paths in the folder of the run, and of all results that they were made from.

    None stands for the seal of a result that was deleted since. Raises InputError as ``read`` does.
    """
    seen: dict[str, Seal | None] = {}
    waiting = list(results)
    while waiting:
        if (name := waiting.pop()) in seen:
            continue
        try:
            seal = read(Path(name))
        except FileNotFoundError:
            seen[name] = None
        else:
            seen[name] = seal
            waiting += [name for name, content in seal.inputs.items() if content]  # "" in seals of earlier versions
    return seen


def digest(file: Path) -> str:
    """The SHA-256 (64 hexadecimal digits) of a file's content; of a ZIP file over WHOLE_BYTES, of its directory."""
    with file.open("rb") as opened:
        start = _directory_start(opened) if file.suffix == ".zip" else 0
        opened.seek(start)
        return hashlib.file_digest(opened, "sha256").hexdigest()


def source_state(file: Path) -> list:
    """The size, the times and the digest of a file that no job made; empty if it cannot be read."""
    try:
        check_regular(file)
        return [*state_of(file), digest(file)]
    except (OSError, InputError):
        return []


def is_source(file: Path, state: list) -> bool:
    """Whether a file that no job made has the content of ``source_state``; it is read only if size or times changed."""
    return state[:-1] == state_of(file) or state[-1:] == source_state(file)[-1:]


def _directory_start(opened: Any) -> int:
    """The first byte of a large ZIP file's directory; 0 for other files and for damaged ones."""
    size = opened.seek(0, 2)
    if size <= WHOLE_BYTES:
        return 0
    opened.seek(size - 22)  # our archives have no comment
    end = opened.read()
    if not end.startswith(END):
        return 0
    directory_bytes = int.from_bytes(end[12:16], "little")
    return max(0, size - 1000 - directory_bytes)  # with the records of ZIP64, where it has them


class Flaw(NamedTuple):
    """A reason not to trust a result."""

    file: Path
    """The result, or one of the files that were written with it."""
    what: str
    """The reason, in words that follow the file's path."""
    is_damage: bool = True
    """Whether the file is not what was written there; otherwise the result is a sound one of other settings."""

    def __str__(self) -> str:
        """The path and the reason."""
        return f"{self.file} {self.what}"


def flaw(result: Path, name: str | None = None, patience: float = 0.0) -> Flaw | None:
    """The reason not to trust a result; None if it is what its seal says.

    ``name`` is the path that the seal must give; without it, the content alone is compared. A missing seal may appear
    within ``patience`` seconds.
    """
    end = time.monotonic() + patience
    while not os.path.lexists(path_of(result)) and time.monotonic() < end:
        time.sleep(0.5)
    try:
        check_regular(result)
    except InputError as error:
        return Flaw(result, str(error).removeprefix(f"{result}: "))
    try:
        seal = read(result)
    except FileNotFoundError:
        return Flaw(result, "has no seal, so nothing says what made it")
    except InputError:
        return Flaw(result, "has a damaged seal")
    if name is not None and seal.result != name:
        return Flaw(result, f"is a copy of {seal.result}")
    if digest(result) != seal.digest:
        return Flaw(result, CHANGED)
    for member, content in seal.members.items():
        file = result.parent / member
        if not file.is_file():
            return Flaw(file, "is not there")
        if digest(file) != content:
            return Flaw(file, CHANGED)
    return None


def set_aside(result: Path) -> Path:
    """Rename a result or a member of one, so that the next run makes it again; returns its new path.

    Nothing is deleted or replaced, because it may be a user's file.
    """
    number, aside = 1, result.with_name(f"{result.name}.damaged")
    while os.path.lexists(aside):
        number += 1
        aside = result.with_name(f"{result.name}.damaged-{number}")
    result.rename(aside)
    path_of(result).unlink(missing_ok=True)
    return aside


def made_from(rule: str, params: Mapping[str, Any]) -> str:
    """The digest of a rule's name and its params, by name."""
    return _of_values([rule, dict(params)])


def _of_values(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()
