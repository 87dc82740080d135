"""What the commands that apply a trained model share: the files to write, and the loop."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from template3d.geometry import meshes
from template3d.runtime import files
from template3d.runtime.errors import InputError

MOST_CELLS = 512
"""The highest resolution, as of ``isosurface.resolution`` in the configuration: 513^3 values take 0.5 GB a copy."""

Item = TypeVar("Item")


def check_resolution(resolution: int) -> None:
    """Raise InputError unless a mesh can be extracted with this many cells a side."""
    if resolution not in range(32, MOST_CELLS + 1, 32):
        raise InputError(f"--resolution is {resolution}, but must be a multiple of 32 from 32 to {MOST_CELLS}")


def formats(text: str | None) -> list[str]:
    """The suffixes of the formats that ``--format`` lists; raises InputError for one that is not written."""
    suffixes = [f".{part.strip().lower().lstrip('.')}" for part in text.split(",")] if text is not None else []
    for suffix in suffixes:
        if suffix not in meshes.WRITERS:
            known = ", ".join(known[1:] for known in meshes.WRITERS)
            raise InputError(f"--format has {suffix[1:]!r}, but knows only {known}")
    return list(dict.fromkeys(suffixes))


def outputs(first_inputs: Sequence[Path], output: Path, format_list: str | None, what: str) -> list[list[Path]]:
    """The files to write for each result, which is named after the first of its inputs.

    ``output`` and ``format_list`` are the arguments ``-o`` and ``--format``; ``what`` names the inputs, such as photos.
    Raises InputError if ``output`` is no mesh file, or one file for several results, or if two results have one name.
    """
    suffix, suffixes = output.suffix.lower(), formats(format_list)
    if suffix in meshes.WRITERS:
        if len(first_inputs) > 1 or suffixes not in ([], [suffix]):
            raise InputError(f"-o is {output}, one file; for several {what} or formats, name a folder")
        return [[output]]
    if len(first_inputs) == 1 and suffix and not format_list:
        raise InputError(f"{output}: must end with {' or '.join(meshes.WRITERS)}, or be a folder with --format")
    taken: dict[str, Path] = {}
    for file in first_inputs:
        if file.stem in taken:
            raise InputError(
                f"{taken[file.stem]} and {file}: their meshes would have one name, {file.stem}; rename one"
            )
        taken[file.stem] = file
    return [[output / f"{file.stem}{suffix}" for suffix in suffixes or [".glb"]] for file in first_inputs]


def check_writable(output: Path) -> None:
    """Raise InputError if a file cannot be written, before a network computes its content."""
    with named(output):
        if output.is_dir():
            raise IsADirectoryError("is a folder; add the name of a file")
        if any(folder.is_file() for folder in output.parents):
            raise NotADirectoryError("a part of its path is a file")
        output.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=output.parent).close()


@contextlib.contextmanager
def written(output: Path) -> Iterator[Path]:
    """Yield a path to write to, as ``files.whole``; an error of the file system is an InputError that names it."""
    with named(output), files.whole(output) as beside:
        yield beside


@contextlib.contextmanager
def named(output: Path) -> Iterator[None]:
    """Turn an error of the file system into an InputError that names ``output``."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written ({error.strerror or error}); give another path after -o"
        ) from error


def run(items: Sequence[Item], unit: str, action: Callable[[Item], str], quiet: bool) -> None:
    """Print the line that ``action`` returns for each item; exits with status 1 and a sentence if anything failed.

    A progress bar is shown for many items at a terminal; ``unit`` names one of them.
    """
    failed = 0
    for item in _with_bar(items, unit, quiet):
        try:
            line = action(item)
        except InputError as error:
            if len(items) == 1:
                sys.exit(f"{error}")
            failed += 1
            print(f"{error}", file=sys.stderr, flush=True)
        else:
            if not quiet:
                print(line, flush=True)
    if failed:
        sys.exit(f"{failed} of {len(items)} failed, as said above")


def _with_bar(items: Sequence[Item], unit: str, quiet: bool) -> Iterator[Item]:
    from tqdm import tqdm

    yield from tqdm(items, unit=unit, disable=True if quiet or len(items) < 3 else None)
