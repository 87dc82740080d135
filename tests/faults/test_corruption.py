"""Whatever file of the results is damaged, a plain `snakemake` ends with the tables of an undisturbed run.

In every file one bit is flipped; every file is cut, emptied, and exchanged with another category's. All these damages
are dealt into 40 rounds. CORRUPTION_ROUNDS (default 40) says how many of the rounds are tried.
"""

import dataclasses
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from pipeline import MICRO, REPOSITORY, stop_all_in
from runs import PATIENCE, Undisturbed, finish, said, start, tables
from snakemake.utils import update_config
from template3d.jobs.snakemake_internals import planned
from template3d.jobs.trust import CHECKED
from template3d.runtime import caches, seals
from template3d.runtime.digests import state_of

CATEGORIES = ("chairs", "planes")
OVER = {"methods": ["two_phase"], "reconstruct": {"views": ["easy"]}}
DAMAGES = ("flip", "cut", "empty", "exchange")
DEALT = 10
"""Rounds of each kind of damage."""
ROUNDS = int(os.environ.get("CORRUPTION_ROUNDS", "40"))
WRITTEN_INTO = ("records", "logs", "benchmarks", "tensorboard")
"""Folders with files that Snakemake and trainings change in place."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Undisturbed:
    run = Undisturbed(tmp_path_factory.mktemp("undisturbed"), CATEGORIES, OVER)
    finish(run.folder)  # nothing to be done, but from here on Snakemake knows the states of all files
    return run


@pytest.fixture
def folder(undisturbed, tmp_path) -> Iterator[Path]:
    """A copy of the undisturbed run; large files are the same files under another name."""

    def copy(source: str, target: str) -> None:
        in_place = set(WRITTEN_INTO).intersection(Path(source).parts)
        (shutil.copy2 if in_place or Path(source).stat().st_size < 100_000 else os.link)(source, target)

    folder = tmp_path / "folder"
    shutil.copytree(undisturbed.folder, folder, symlinks=True, copy_function=copy)
    (folder / "said.txt").unlink()
    yield folder
    stop_all_in(folder)


class Damage(NamedTuple):
    """What happens to a file of the results."""

    kind: str
    name: str
    """Relative to the folder."""

    def do(self, folder: Path) -> None:
        file = folder / self.name
        content = bytearray(file.read_bytes())
        if self.kind == "flip" and content:
            rng = random.Random(self.name)
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        elif self.kind == "cut":
            content = content[: len(content) // 2]
        elif self.kind == "empty":
            content = bytearray()
        elif self.kind == "exchange" and (other := counterpart(folder, self.name)):
            content = bytearray(other.read_bytes())
            _replace(other, file.read_bytes())
        _replace(file, content)


def counterpart(folder: Path, name: str) -> Path | None:
    """The file of the other category that is to it what this one is to its own."""
    swapped = name.replace("chairs", "?").replace("planes", "chairs").replace("?", "planes")
    return folder / swapped if swapped != name and (folder / swapped).is_file() else None


def _replace(file: Path, content: bytes) -> None:
    """Write a file whose old content may have another name."""
    file.with_name(f"{file.name}.new").write_bytes(content)
    file.with_name(f"{file.name}.new").replace(file)


def files_of(folder: Path) -> list[str]:
    """All files of the results but for locks, which are empty."""
    files = (file for file in (folder / "results").rglob("*") if file.is_file() and file.suffix != ".lock")
    return sorted(str(file.relative_to(folder)) for file in files)


def rounds(folder: Path) -> list[list[Damage]]:
    """All damages to all files, in 40 rounds; each has one kind, and no file is damaged twice in it."""
    names, dealt = files_of(folder), []
    for kind in DAMAGES:
        of_kind = [Damage(kind, name) for name in names if kind != "exchange" or _is_first_of_two(folder, name)]
        random.Random(kind).shuffle(of_kind)
        dealt += [of_kind[first::DEALT] for first in range(DEALT)]
    random.Random(0).shuffle(dealt)
    return dealt


def _is_first_of_two(folder: Path, name: str) -> bool:
    other = counterpart(folder, name)
    return other is not None and folder / name < other


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_damaged_file_is_made_again(undisturbed, folder, number):
    damages = rounds(undisturbed.folder)
    for damage in damages[number]:
        damage.do(folder)
    print(f"damages: {len(damages[number])} of {sum(map(len, damages))}: {damages[number]}")
    for _ in range(2):
        if start(folder).wait(PATIENCE) == 0:
            break
        assert any(damage.name in said(folder) for damage in damages[number]), said(folder)[-6000:]
        assert "Traceback" not in said(folder)
    assert tables(folder) == undisturbed.tables, said(folder)[-6000:]
    finish(folder)
    assert said(folder).rstrip().count("Nothing to be done") == 1


def readers(folder: Path) -> dict[str, set[str]]:
    """The rules that read each result."""
    config: dict = {}
    for file in (REPOSITORY / "config.yaml", MICRO, folder / "over.yaml"):
        update_config(config, yaml.safe_load(file.read_text()))
    found: dict[str, set[str]] = {}
    with planned(REPOSITORY / "Snakefile", folder, config, cores=1) as workflow:
        for job in workflow.dag.jobs:
            for file in job.input if job.output else ():
                found.setdefault(str(file), set()).add(job.rule.name)
    return {file: rules for file, rules in found.items() if file.startswith("results/")}


@pytest.mark.parametrize("number", range(max(1, ROUNDS // 2)))
def test_damage_that_nothing_noticed_is_named_by_its_reader(undisturbed, folder, number, monkeypatch):
    """As after a fault of the disk, which changes no times: the reader compares the content with the seal."""
    monkeypatch.chdir(undisturbed.folder)
    read_by = readers(undisturbed.folder)
    name = random.Random(number).choice(sorted(read_by))
    Damage(DAMAGES[number % 3], name).do(folder)
    states = [state_of(folder / name), state_of(seals.path_of(folder / name))]
    caches.write(folder / CHECKED, caches.read(folder / CHECKED) | {name: states})
    assert start(folder, "--forcerun", *sorted(read_by[name])).wait(PATIENCE) != 0, said(folder)[-6000:]
    assert f"{name} is not what was written there" in said(folder)
    assert "Traceback" not in said(folder)
    finish(folder)
    assert tables(folder) == undisturbed.tables


def test_every_result_has_a_seal_that_notices_every_damage(undisturbed, tmp_path):
    """All results, each damaged at 20 random bits, cut and emptied, one by one."""
    rng, tried = random.Random(0), 0
    names = [name for name in files_of(undisturbed.folder) if seals.path_of(undisturbed.folder / name).exists()]
    assert len(names) > 80
    for name in names:
        whole, copy = (undisturbed.folder / name).read_bytes(), tmp_path / Path(name).name
        shutil.copy(seals.path_of(undisturbed.folder / name), seals.path_of(copy))
        dataclasses.replace(seals.read(copy), members={}).write(copy)
        damaged = [whole[: len(whole) // 2], b""]
        for _ in range(20 if len(whole) < 1_000_000 else 2):
            flipped = bytearray(whole)
            flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            damaged.append(bytes(flipped))
        copy.write_bytes(whole)
        assert seals.flaw(copy, name) is None
        for content in damaged:
            copy.write_bytes(content)
            assert seals.flaw(copy, name), name
            tried += 1
        copy.unlink()
    print(f"{tried} damages to {len(names)} results")
