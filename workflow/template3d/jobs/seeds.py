"""Runs of the whole workflow that differ in their seed, each in its own folder below ``results/seeds``."""

import copy
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from template3d.data import splits
from template3d.runtime import downloads, files
from template3d.runtime.errors import InputError

TABLE = "results/tables/table1.csv"
"""What each run makes."""
PATHS = (
    *(("shapenet",), ("photos",), ("labels",), ("keypoints",), ("augmentation", "backgrounds")),
    *(("encoder", "weights"), ("end_to_end", "weights")),
)
"""Keys of the configuration that may hold a path."""
NO_PATHS = (None, "demo", "none", "imagenet", "contrastive")
"""Values of these keys that are none."""


@dataclass(frozen=True)
class SeedRuns:
    """Runs that differ in their seed: a run's seed is the name of its folder."""

    snakefile: Path
    config: Mapping[str, Any]
    shapes: Mapping[str, Mapping[str, Sequence[str]]]
    """Each category's shapes by split."""
    cores: int

    def run(self, folder: Path) -> Path:
        """Make the Table 1 of a run, as far as it is not up to date, and return its path.

        Raises InputError if that fails; what is finished stays, and the next call continues there.
        """
        command = self._prepared(folder)
        if subprocess.run(command, check=False).returncode:
            raise InputError(f"{folder}: this run failed, as said above; to repeat it alone: {shlex.join(command)}")
        return folder / TABLE

    def refuse_to_run_here(self, folders: Sequence[Path]) -> NoReturn:
        """Write the configurations of the runs, and raise InputError with the commands that start them."""
        commands = "\n".join(shlex.join(self._prepared(folder)) for folder in folders)
        raise InputError(
            "seeds: on a cluster, start each run by itself, with the options of your cluster in place of --cores "
            f"{self.cores}:\n{commands}\nThen `snakemake seeds` without these options writes the table"
        )

    def _prepared(self, folder: Path) -> list[str]:
        """Write the configuration of a run; returns its command."""
        files.write_text(folder / "config.yaml", yaml.safe_dump(configured(self.config, self.shapes, folder)))
        program = [sys.executable, "-m", "snakemake", "--snakefile", str(self.snakefile)]
        where = ["--directory", str(folder), "--configfile", str(folder / "config.yaml")]
        return [*program, *where, "--cores", str(self.cores), "--", TABLE]


def configured(config: Mapping[str, Any], shapes: Mapping[str, Mapping[str, Sequence[str]]], folder: Path) -> dict:
    """The configuration of a run in ``folder``, whose last part is its seed, and the lists of its shapes.

    ``shapes`` has each category's shapes by split. As many as the test shapes are left out of all shapes, drawn by the
    seed, and become the test shapes. Raises InputError with ``phase1.from``, whose shapes cannot be split again.
    """
    if config["phase1"]["from"]:
        raise InputError(
            f"config: phase1.from is {config['phase1']['from']}, so its training shapes are fixed; `snakemake seeds` "
            "trains phase 1 itself: set it to null"
        )
    seed, changed = int(folder.name), copy.deepcopy(dict(config))
    changed |= {"seed": seed, "confirm": "yes"}
    for *sections, key in PATHS:
        section = changed
        for name in sections:
            section = section[name]
        if section[key] not in NO_PATHS:
            section[key] = str(Path(section[key]).absolute())
    changed["photo_models"] = {
        category: model if downloads.is_address(model) else str(Path(model).absolute())
        for category, model in config["photo_models"].items()
    }
    for category, parts in shapes.items():
        entry = changed["categories"][category]
        if config["shapenet"] == "demo" or "test_share" in entry:  # these depend on the seed themselves
            continue
        for split, names in parted(parts, seed).items():
            file = folder / f"{category}_{split}.txt"
            files.write_text(file, "".join(f"{name}\n" for name in names))
            entry[split] = str(file.absolute())
    return changed


def parted(parts: Mapping[str, Sequence[str]], seed: int) -> dict[str, list[str]]:
    """Other splits of the same sizes: as many test shapes as before, drawn from all shapes by the seed.

    A category without training shapes keeps its test shapes.
    """
    if not parts["train"]:
        return {"test": list(parts["test"])}
    every = [*parts["train"], *parts["test"]]
    test = set(splits.held_out(every, len(parts["test"]) / len(every), seed))
    return {
        "train": [shape for shape in every if shape not in test],
        "test": [shape for shape in every if shape in test],
    }
