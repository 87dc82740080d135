"""Runs of the micro pipeline that something disturbs, and the undisturbed ones that they are compared with."""

import os
import subprocess
import sys
from pathlib import Path

import yaml
from pipeline import MICRO, REPOSITORY, write_category

PATIENCE = 900
FINISHED = "Finished jobid"
FORMATS = (".csv", ".md", ".tex")


def start(folder: Path, *arguments: str, source: Path = REPOSITORY) -> subprocess.Popen:
    """Start Snakemake on the micro pipeline, as the folder's over.yaml has it; what it says goes to said.txt."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", source / "Snakefile", "--directory", folder]
    command += ["--configfile", MICRO, folder / "over.yaml", *arguments]
    with (folder / "said.txt").open("a") as said:
        environment = os.environ | {"PYTHONPATH": str(source / "workflow")}  # its library too
        return subprocess.Popen(list(map(str, command)), stdout=said, stderr=said, env=environment)


def said(folder: Path) -> str:
    return (folder / "said.txt").read_text()


def finish(folder: Path, *arguments: str, source: Path = REPOSITORY) -> None:
    """Run Snakemake to its end, which must be good."""
    assert start(folder, *arguments, source=source).wait(PATIENCE) == 0, said(folder)[-6000:]


def tables(folder: Path) -> dict[str, bytes]:
    found = {
        file.name: file.read_bytes() for file in (folder / "results/tables").glob("[!.]*.*") if file.suffix in FORMATS
    }
    assert len(found) == 6
    return found


def prepare(folder: Path, categories: tuple[str, ...], over: dict) -> None:
    """Write the meshes of categories, and what is laid over the micro configuration."""
    for category in categories:
        write_category(folder, category)
    (folder / "over.yaml").write_text(yaml.safe_dump(over))


class Undisturbed:
    """A run that nothing disturbed: its tables, and how many jobs it had."""

    def __init__(self, folder: Path, categories: tuple[str, ...], over: dict) -> None:
        prepare(folder, categories, over)
        self.folder = folder
        finish(folder)
        self.jobs, self.tables = said(folder).count(FINISHED), tables(folder)
