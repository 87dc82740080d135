import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import containers
import psutil
import pytest
import torch
from safetensors.torch import save_file
from template3d.runtime import files, machines
from template3d.runtime.machines import Writer

HALF = """
import sys, time
from template3d.runtime import files
with files.whole(sys.argv[1]) as beside:
    beside.write_text("half of it")
    beside.with_name(".tmp123").write_text("as safetensors does")
    print("ready", flush=True)
    time.sleep(60)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def leftover(tmp_path) -> Path:
    """The folder of temporary files of a killed process, beside ``table.csv``."""
    process = subprocess.Popen([sys.executable, "-c", HALF, tmp_path / "table.csv"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (folder,) = tmp_path.iterdir()
    assert len(names(folder)) == 3
    return folder


def write(tmp_path: Path) -> None:
    files.write_text(tmp_path / "table.csv", "all of it")
    assert (tmp_path / "table.csv").read_text() == "all of it"


def test_the_partial_files_of_a_killed_process_are_deleted(tmp_path, leftover):
    write(tmp_path)
    assert names(tmp_path) == ["table.csv"]
    assert (tmp_path / "table.csv").stat().st_mode & 0o777 == 0o666 & ~files._umask()


@pytest.mark.parametrize("end", ["killed", "alive"])
def test_only_a_killed_containers_partial_files_are_deleted(tmp_path, end):
    with containers.running(HALF, tmp_path / "table.csv") as container:
        (folder,) = tmp_path.iterdir()
        if end == "killed":
            container.kill()
        write(tmp_path)
        assert folder.exists() == (end == "alive")
        assert container.is_running() == (end == "alive")


def rewrite(folder: Path, **changes) -> None:
    """Change what a leftover says of its writer."""
    file = folder / files.WRITER
    file.write_text(Writer.parse(file.read_text())._replace(**changes).line())


ANOTHER = {"boot": "another", "machine": "another"}


@pytest.mark.parametrize(
    ("changes", "hours", "stays"),
    [
        ({}, 0, False),  # locks work within a machine
        ({"pid_namespace": 1, "host": "other"}, 0, False),  # another container on it
        ({"boot": "another", "machine": "id host"}, 0, False),  # before it was started again
        (ANOTHER, 23, True),
        (ANOTHER, 25, False),
    ],
)
def test_on_a_network_another_machines_partial_files_stay_for_a_day(
    tmp_path, leftover, monkeypatch, changes, hours, stays
):
    monkeypatch.setattr(machines, "file_system", lambda folder: "nfs4")
    me = Writer.here(tmp_path)._replace(machine="id host")
    monkeypatch.setattr(Writer, "here", lambda folder: me)
    rewrite(leftover, local=False, **changes)
    for path in (*leftover.iterdir(), leftover):
        os.utime(path, (time.time() - 3600 * hours,) * 2)
    write(tmp_path)
    assert leftover.exists() == stays


@pytest.mark.parametrize(("namespace", "alive", "stays"), [(None, False, False), (None, True, True), (1, False, True)])
def test_without_locks_the_partial_files_of_processes_that_ended_are_deleted(
    tmp_path, leftover, monkeypatch, namespace, alive, stays
):
    def no_locks(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    if alive:
        me = psutil.Process()
        rewrite(leftover, pid=me.pid, began=me.create_time())
    if namespace:
        rewrite(leftover, pid_namespace=namespace)
    write(tmp_path)
    assert leftover.exists() == stays


def test_what_a_user_named_alike_stays(tmp_path):
    (tmp_path / ".table.csv.host@abc").write_text("a note")  # the names that a former version gave
    (tmp_path / ".writing-notes").write_text("a note")
    (tmp_path / ".writing-letters").mkdir()
    (tmp_path / ".writing-books").mkdir()
    (tmp_path / ".writing-books" / files.WRITER).write_text("Tolstoy")
    before = names(tmp_path)
    write(tmp_path)
    assert names(tmp_path) == sorted([*before, "table.csv"])


@pytest.mark.parametrize("length", [240, 255])
def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path, length):
    name = "a" * (length - 4) + ".csv"
    files.write_text(tmp_path / name, "text")
    assert names(tmp_path) == [name]


def test_a_writer_may_replace_the_temporary_file(tmp_path):
    with files.whole(tmp_path / "a.safetensors") as beside:
        save_file({"a": torch.zeros(3)}, beside)
    assert names(tmp_path) == ["a.safetensors"]


def test_an_error_leaves_nothing_and_no_open_file(tmp_path):
    (tmp_path / "a.txt").write_text("before")
    before = psutil.Process().num_fds()
    with pytest.raises(ZeroDivisionError), files.whole(tmp_path / "a.txt") as beside:
        beside.write_text(f"half, {1 / 0}")
    files.write_text(tmp_path / "b.txt", "")
    assert psutil.Process().num_fds() == before
    assert (tmp_path / "a.txt").read_text() == "before"
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a\.txt"):
        files.write_text(tmp_path / "a.txt", "text")
    assert names(tmp_path) == ["a.txt"]


def test_the_file_system_of_a_folder_is_that_of_its_mount(tmp_path):
    assert machines.file_system(Path("/proc")) == "proc"
    assert machines.file_system(Path("/proc/self/ns")) == "proc"
    stat = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", tmp_path], capture_output=True, text=True, check=True)
    assert machines.file_system(tmp_path) == stat.stdout.split()[-1]
    assert machines.file_system(tmp_path / "missing") == ""
