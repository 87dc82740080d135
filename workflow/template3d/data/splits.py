"""Split lists: the training and test shapes of a category."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import cast
from urllib.parse import urlsplit

from template3d.data.shapenet import check_id
from template3d.runtime import texts
from template3d.runtime.errors import InputError
from template3d.runtime.files import whole

MIN_TRAINING_SHAPES = 2
"""Training shapes of a category."""
HEADERS = frozenset({"id", "ids", "model id", "model_id", "modelid", "shape", "shape id", "shape_id", "shapeid"})
"""What heads a column of ids, in any case."""
NAMES = frozenset({"model", "name"})
"""What also heads it if no column has one of HEADERS."""
BLANK = " \xa0\ufeff"
"""What may surround a line: tabs may be empty cells."""


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


def held_out(shapes: Collection[str], share: float, seed: int) -> list[str]:
    """The ``share`` of the shapes, rounded, with the smallest hashes; adding a shape exchanges one at most."""
    digests = {shape: hashlib.sha256(f"{seed} validation {shape}".encode()).digest() for shape in shapes}
    return sorted(shapes, key=lambda shape: digests[shape])[: round(share * len(shapes))]


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


def spread(shapes: Sequence[str], count: int) -> Sequence[str]:
    """``count`` of the shapes at even steps; all of them if there are no more."""
    return [shapes[index * len(shapes) // count] for index in range(count)] if count < len(shapes) else shapes


def of_category(lists: dict[str, Path], synset: str) -> dict[str, list[str]]:
    """The shapes of a category by split, from its lists ``train`` and ``test``, or ``test`` alone.

    Raises InputError for an invalid list and for a shape that is in both.
    """
    shapes = {split: read_split(file, synset) for split, file in lists.items()}
    if "train" not in shapes:
        return shapes
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


def kept(file: Path, url: str, sha256: str, fetch: Callable[[], Path]) -> Path:
    """The local copy ``file`` of a split list, fetched from ``url`` unless it is there with this SHA-256.

    ``fetch`` downloads the list and returns its temporary path. Raises InputError if the list cannot be fetched, and if
    its SHA-256 is another one.
    """
    before = _sha256(file) if file.exists() else None
    if before == sha256:
        return file
    try:
        fetched = fetch()
        if (actual := _sha256(fetched)) != sha256:
            raise InputError(
                f"{url}: the downloaded file has the SHA-256 {actual}, not {sha256}; if the list really changed, put "
                "its new checksum into the configuration"
            )
    except InputError as error:
        if before is None:
            raise
        raise InputError(
            f"{file}: was changed after it was fetched (its SHA-256 is {before}, not {sha256}); to use your list, give "
            f"its path instead of the url. Fetching it again failed: {error}"
        ) from error
    with whole(file) as beside:
        shutil.copyfile(fetched, beside)
    fetched.unlink()
    return file


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_split(file: Path, synset: str | None) -> list[str]:
    """The shape ids of one category in a split file, in the file's order; with None, those of all its synsets.

    The file is a DeepSDF split (JSON: dataset to synset to ids), a JSON list of ids, or a text with one id a line. A
    text may be a table from a spreadsheet with one column of ids, below a line that says so or not: cells end with
    semicolons or tabs, and in a ``.csv`` file also with commas.

    Raises InputError for a missing or unreadable file, an invalid or repeated id, or no ids of this synset.
    """
    try:
        text = texts.read(file)
    except OSError as error:
        raise InputError(
            f"{file}: cannot read this split ({error}); give a DeepSDF split file or a list of ids"
        ) from error
    if not text.strip():
        raise InputError(f"{file}: this list is empty; list the ids of the shapes")
    listed = _from_json(file, text, synset) if file.suffix.lower() == ".json" else list(_from_text(file, text))
    if not listed:
        of_synset = f" of synset {synset}; is it the split of another category?" if synset else "; list the ids"
        raise InputError(f"{file}: names no shape{of_synset}")
    position_of: dict[str, str] = {}
    for position, entry in listed:
        shape = check_id(entry, f"{file}: {position}")
        if shape in position_of:
            raise InputError(
                f"{file}: names {shape} more than once ({position_of[shape]} and {position}); list every shape once"
            )
        position_of[shape] = position
    return list(position_of)


def train_split_of(specs: Path) -> Path | None:
    """The split file beside a published experiment's ``specs.json`` that its ``TrainSplit`` names, if it exists."""
    try:
        named = json.loads(texts.read(specs)).get("TrainSplit")
    except (OSError, ValueError, AttributeError, RecursionError):  # the experiment's own reader reports it
        return None
    beside = (
        specs.with_name(PurePosixPath(named).name) if isinstance(named, str) and PurePosixPath(named).name else None
    )
    return beside if beside and beside.is_file() else None


def _from_json(file: Path, text: str, synset: str | None) -> list[tuple[str, object]]:
    """The entries of a JSON file, each with its position in words."""
    try:
        content = json.loads(text, object_pairs_hook=partial(_section, file))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not valid JSON ({error}); give a DeepSDF split file or a list of ids") from error
    lists: list[object] = [content]
    if isinstance(content, dict):
        if not all(isinstance(dataset, dict) for dataset in content.values()):
            raise InputError(
                f'{file}: is no DeepSDF split; its form is {{"ShapeNetV2": {{"<synset>": ["<id>", ...]}}}}'
            )
        datasets = content.values()
        lists = [ids for dataset in datasets for name, ids in dataset.items() if synset in (None, name)]
    if not all(isinstance(ids, list) for ids in lists):
        raise InputError(f"{file}: has no list of ids; give a DeepSDF split file or a list of ids")
    return [(f"entry {number}", entry) for ids in lists for number, entry in enumerate(cast(list, ids), 1)]


def _section(file: Path, entries: list[tuple[str, object]]) -> dict[str, object]:
    """A section of a JSON file; raises InputError if it has a key twice, of which JSON would keep the last one."""
    section = dict(entries)
    if len(section) < len(entries):
        repeated = next(key for key, count in Counter(key for key, _ in entries).items() if count > 1)
        raise InputError(f"{file}: has the key {repeated!r} more than once in a section; put their ids into one list")
    return section


def _from_text(file: Path, text: str) -> Iterator[tuple[str, str]]:
    """The ids in the lines of a text, each with its position in words.

    No id has a semicolon, a tab or a quote, so these belong to a table. A comma may be part of an id.
    """
    text, mark = texts.without_separator(text)
    lines = {number: line.lstrip(BLANK).rstrip(f"{BLANK},") for number, line in enumerate(text.split("\n"), 1)}
    lines = {number: line for number, line in lines.items() if line and not line.startswith("#")}
    delimiters = [";", "\t", *("," if file.suffix.lower() == ".csv" else "")]
    delimiter = mark or next((mark for mark in delimiters if any(mark in line for line in lines.values())), "\t")
    column = None
    for position, (number, line) in enumerate(lines.items()):
        try:
            row = texts.cells(line, delimiter)
        except ValueError as error:
            raise InputError(f"{file}: line {number} cannot be read: {error}") from error
        columns = ([index for index, cell in enumerate(row) if cell.lower() in names] for names in (HEADERS, NAMES))
        named = next(filter(None, columns), [])
        if position == 0 and named:
            if len(named) > 1:
                both = " and ".join(row[index] for index in named)
                raise InputError(f"{file}: line {number} has the columns {both}; keep the one with the names of meshes")
            (column,) = named
            continue
        filled = [index for index, cell in enumerate(row) if cell]
        if column is not None and filled:
            if column not in filled:
                raise InputError(f"{file}: line {number} has no id")
            filled = [column]
        if len(filled) > 1:
            raise InputError(
                f"{file}: line {number} has {len(filled)} columns, and the first line does not say which one is `id`; "
                "keep only the ids"
            )
        if filled:
            yield f"line {number}", row[filled[0]]
