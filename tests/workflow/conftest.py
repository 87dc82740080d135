"""One run of the micro pipeline, shared by the tests of the workflow."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from pipeline import REPOSITORY, copied, snakemake, write_category
from workspace import Workspace


@pytest.fixture(scope="session")
def pristine(tmp_path_factory, worker_id) -> Path:
    """A folder in which the micro pipeline has run through; tests leave it as it is, and their processes share it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "pristine"
    with FileLock(folder.with_suffix(".lock")):  # the first process makes it
        if not folder.exists():
            making = folder.with_suffix(".making")
            making.mkdir()
            for category in ("chairs", "planes"):
                write_category(making, category)
            run = snakemake(making, traced=True)
            assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-5000:]
            making.rename(folder)
    return folder


@pytest.fixture(scope="session")
def micro(pristine, tmp_path_factory) -> Path:
    """A copy of it, to look at and to run on in."""
    return copied(pristine, tmp_path_factory.mktemp("copies") / "micro")


@pytest.fixture
def workspace(pristine, tmp_path, monkeypatch) -> Workspace:
    """Copies to edit."""
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("Snakefile", "config.yaml", "README.md", "workflow", "scripts", "resources", "envs"):
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, repository / name)
    folder = copied(pristine, tmp_path / "folder", link=True)
    monkeypatch.chdir(folder)
    return Workspace(repository, folder)
