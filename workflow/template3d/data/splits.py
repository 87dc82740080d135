"""Split lists: the training and test shapes of a category."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from template3d.data.shapenet import check_id
from template3d.runtime.errors import InputError

MIN_TRAINING_SHAPES = 2
"""Training shapes of a category."""


def check_url(url: str) -> None:
    """Raise InputError unless a URL names a file, because the local path follows from its host and path."""
    parts = urlsplit(url)
    if not parts.hostname or {".", ".."} & {parts.netloc, *parts.path.split("/")} or not parts.path.rpartition("/")[2]:
        raise InputError(f"config: {url} is no address of a split list; fetch the list and give its path")


def existing(file: Path, folders: Iterable[Path]) -> Path:
    """The path of a list in the first folder that holds it; raises InputError if none does."""
    tried = list(dict.fromkeys(folder / file for folder in folders))
    found = [path for path in tried if path.exists()]
    if not found:
        others = "".join(f", nor {path}" for path in tried[1:])
        raise InputError(f"{tried[0]}: there is no such list{others}; fix the path in the configuration")
    return found[0]


def shares(shapes: Iterable[str], test_share: float, seed: int) -> dict[str, list[str]]:
    """Split shapes by a hash of their ids, so that adding a shape moves no other one."""
    splits: dict[str, list[str]] = {"train": [], "test": []}
    for shape in sorted(shapes):
        digest = hashlib.sha256(f"{seed} {shape}".encode()).digest()
        splits["test" if int.from_bytes(digest[:8], "big") < test_share * 2**64 else "train"].append(shape)
    return splits


def by_share(shapes: Iterable[str], test_share: float, seed: int, category: str, source: Path) -> dict[str, list[str]]:
    """The split of ``shares``; raises InputError for an unsafe id, naming the folder ``source``, or too few shapes."""
    splits = shares([check_id(shape, str(source)) for shape in shapes], test_share, seed)
    if len(splits["train"]) < MIN_TRAINING_SHAPES or not splits["test"]:
        counts = f"{len(splits['train'])} training and {len(splits['test'])} test shapes"
        raise InputError(
            f"config: categories.{category}.test_share {test_share} makes {counts} of the shapes in {source}; "
            f"{MIN_TRAINING_SHAPES} and 1 are needed at least: change the share or the seed, or list them (train, test)"
        )
    return splits


def of_category(lists: dict[str, Path], synset: str) -> dict[str, list[str]]:
    """The shapes of a category by split, from its lists ``train`` and ``test``.

    Raises InputError for an invalid list and for a shape that is in both.
    """
    shapes = {split: read_split(file, synset) for split, file in lists.items()}
    if len(shapes["train"]) < MIN_TRAINING_SHAPES:
        raise InputError(
            f"{lists['train']}: names one training shape only; a template takes {MIN_TRAINING_SHAPES} at least, and "
            "learns from many"
        )
    if both := sorted(set(shapes["train"]) & set(shapes["test"])):
        raise InputError(
            f"{lists['test']}: {both[0]} is also in {lists['train']}; a test shape must not be learnt from"
        )
    return shapes


def keep_split(fetched: Path, sha256: str, file: Path, url: str) -> None:
    """Move a downloaded split list to ``file``; raises InputError unless its SHA-256 matches."""
    content = fetched.read_bytes()
    if (actual := hashlib.sha256(content).hexdigest()) != sha256:
        raise InputError(
            f"{url}: the downloaded file has the SHA-256 {actual}, not {sha256}; if the list really changed, put its "
            "new checksum into the configuration"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    fetched.replace(file)


def read_split(file: Path, synset: str) -> list[str]:
    """The shape ids of one category in a split file, in the file's order.

    The file is a DeepSDF split (JSON: dataset to synset to ids), a JSON list of ids, or text with one id a line.
    Raises InputError for a missing or unreadable file, an invalid or repeated id, or no ids of this synset.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file}: cannot read this split ({error}); give a DeepSDF split file or a list of ids"
        ) from error
    if file.suffix == ".json":
        try:
            content = json.loads(text)
            if isinstance(content, dict):
                lists = [dataset.get(synset, []) for dataset in content.values()]
            else:
                lists = [content]
            if not all(isinstance(entry, list) for entry in lists):
                raise TypeError("no list of ids")
            content = [shape for entry in lists for shape in entry]
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{file}: not valid ({error}); give a DeepSDF split file or a list of ids") from error
    else:
        content = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not text.strip():
        raise InputError(f"{file}: this list is empty; list the ids of the shapes")
    ids = [check_id(shape, str(file)) for shape in content]
    if not ids:
        raise InputError(f"{file}: names no shape of synset {synset}; is it the split of another category?")
    if repeated := {shape for shape in ids if ids.count(shape) > 1} if len(set(ids)) < len(ids) else set():
        raise InputError(f"{file}: names {sorted(repeated)[0]} more than once; list every shape once")
    return ids
