"""Whatever breaks on the way, a plain `snakemake` afterwards ends with the tables of an undisturbed run.

FAULT_MOMENTS (default 20) says how many kills are tried.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pipeline import REPOSITORY, SMALL, stop_all_in
from runs import FINISHED, PATIENCE, Undisturbed, finish, prepare, said, start, tables

MOMENTS = int(os.environ.get("FAULT_MOMENTS", "20"))
PLANES = ("planes",)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"), PLANES, SMALL)


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    """A folder with meshes and no results; processes that a test left there are stopped."""
    prepare(tmp_path, PLANES, SMALL)
    yield tmp_path
    stop_all_in(tmp_path)


def victims(run: psutil.Process, kind: str) -> list[psutil.Process]:
    """The processes of a kind under a run: itself, the scripts of its jobs, or Blender's."""
    if kind == "snakemake":
        return [run]
    found = []
    for process in run.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            rendering = any("render.py" in " ".join(parent.cmdline()) for parent in process.parents())
            blender = rendering and "multiprocessing" in command and "resource_tracker" not in command
            script = "/scripts/" in command and process.name().startswith("python")
            if blender if kind == "blender" else script:
                found.append(process)
    return found


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_kill_at_any_moment_costs_nothing_but_time(undisturbed, folder, moment):
    rng = random.Random(moment)
    kind = ("snakemake", "script", "blender")[moment % 3]
    run = start(folder)
    before = rng.randrange(int(0.8 * undisturbed.jobs)) if kind != "blender" else 0
    delay, killed, end = rng.uniform(0, 4 if kind == "blender" else 2), False, time.monotonic() + PATIENCE
    while not killed:
        assert time.monotonic() < end
        assert run.poll() is None, f"the run ended before any {kind} could be killed"
        time.sleep(0.02)
        if said(folder).count(FINISHED) < before:  # jobs, not seconds: a machine is not always as fast
            continue
        if kind == "blender" and not victims(psutil.Process(run.pid), kind):
            continue  # the delay begins with its work
        time.sleep(delay)
        delay = 0.0
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):
            rng.choice(victims(psutil.Process(run.pid), kind)).send_signal(signal.SIGKILL)
            killed = True
    run.wait(PATIENCE)  # where a job failed, Snakemake waits for the others
    finish(folder)
    assert tables(folder) == undisturbed.tables
    assert {left.suffix for left in (folder / "results").rglob(".*")} <= {
        ".lock",
        ".seal",
        ".files",
    }  # no half-written file


def mounted(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def mount(place: Path, *arguments: str) -> Iterator[None]:
    """A mount for the time of a test; skips where it is not allowed."""
    place.mkdir(exist_ok=True)
    if not mounted(*arguments, str(place)):
        assert "CI_HAS_SLURM" not in os.environ, f"CI runs as root and may not mount {place}"
        pytest.skip("may not mount here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_disk_that_fills_up_is_named_and_with_room_all_goes_on(undisturbed, folder):
    disk = folder / "disk"
    with mount(disk, "-t", "tmpfs", "-o", "size=3m", "tmpfs"):
        prepare(disk, PLANES, SMALL)
        assert start(disk).wait(PATIENCE) != 0
        assert "No space left on device" in said(disk)
        subprocess.run(["mount", "-o", "remount,size=2g", disk], check=True)
        finish(disk)
        assert tables(disk) == undisturbed.tables


def test_results_that_cannot_be_written_are_an_error_and_stay(undisturbed, folder):
    results = folder / "results"
    before = {file: file.read_bytes() for file in (undisturbed.folder / "results/data").rglob("*.zip")}
    shutil.copytree(undisturbed.folder / "results/data", results / "data")
    with mount(results, "--bind", str(results)):
        subprocess.run(["mount", "-o", "remount,ro,bind", results], check=True)
        assert start(folder).wait(PATIENCE) != 0
        assert "Write-protected output files" in said(folder)
        made = {file: (results / file.relative_to(undisturbed.folder / "results")).read_bytes() for file in before}
        assert made == before
    finish(folder)
    assert tables(folder) == undisturbed.tables


def test_nothing_is_written_beside_the_source(undisturbed, folder):
    source = folder / "source"
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns(".*", "results", "tests"), symlinks=True)
    with mount(source, "--bind", str(source)):
        subprocess.run(["mount", "-o", "remount,ro,bind", source], check=True)
        finish(folder, source=source)
    assert tables(folder) == undisturbed.tables


def test_of_two_runs_in_one_folder_the_second_is_told_to_wait(undisturbed, folder):
    first = start(folder)
    while not (folder / "results/data").exists():
        assert first.poll() is None
        time.sleep(0.1)
    second = start(folder)
    assert second.wait(PATIENCE) != 0
    assert "cannot be locked" in said(folder)
    assert first.wait(PATIENCE) == 0
    assert tables(folder) == undisturbed.tables
