"""Caches: JSON files that only save time. One that is damaged counts as empty."""

import hashlib
import json
from pathlib import Path
from typing import Any

from template3d.runtime import files
from template3d.runtime.errors import InputError


def read(file: Path) -> dict[str, Any]:
    """The content of a cache; empty if there is none, or if the file is not what ``write`` wrote."""
    try:
        files.check_regular(file)
        digest, _, text = file.read_bytes().partition(b"\n")
    except (InputError, OSError):
        return {}
    return json.loads(text) if digest == _digest(text) else {}


def write(file: Path, content: dict[str, Any]) -> None:
    """Write a cache atomically; its first line is the digest of the rest."""
    text = json.dumps(content).encode()
    with files.whole(file) as beside:
        beside.write_bytes(_digest(text) + b"\n" + text)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()
