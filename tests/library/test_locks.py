import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import containers
import psutil
import pytest
from template3d.runtime import locks, machines
from template3d.runtime.errors import InputError
from template3d.runtime.machines import Writer

JOB = """
import sys, time
from pathlib import Path
from template3d.runtime import locks
with locks.only(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""
RUN = """
import subprocess, sys
sys.exit(subprocess.run([sys.executable, *sys.argv[2:]]).returncode)
"""


@contextlib.contextmanager
def holding(*command):
    """A process that holds a job's lock, from when it has it."""
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "locked\n"
        yield process
    finally:
        for child in psutil.Process(process.pid).children() if process.poll() is None else []:
            child.kill()
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def job(tmp_path) -> list[str]:
    """A program that holds a job's lock for a minute, and the job's log."""
    (tmp_path / "job.py").write_text(JOB)
    return [str(tmp_path / "job.py"), str(tmp_path / "logs/job.log")]


@pytest.fixture
def run(tmp_path) -> Path:
    """A program that runs its arguments, by the name of Snakemake."""
    (tmp_path / "snakemake").write_text(RUN)
    return tmp_path / "snakemake"


def test_a_second_process_gets_the_pid_of_the_first(run, job):
    log = Path(job[1])
    with holding(run, "all", *job) as parent:
        first = psutil.Process(parent.pid).children()[0]
        sentence = rf"job\.log: pid {first.pid} on {socket.gethostname()} already runs this job"
        with pytest.raises(InputError, match=sentence), locks.only(log):
            pass
        first.send_signal(signal.SIGKILL)
        first.wait()
        with locks.only(log):  # a dead one's lock is free
            assert json.loads((log.parent / ".job.log.holder").read_text())["pid"] == os.getpid()
    assert not (log.parent / ".job.log.holder").exists()


@pytest.mark.parametrize("killed", ["while it holds the lock", "before it holds the lock"])
def test_a_process_that_outlives_its_killed_run_is_stopped(killed, run, job, caplog):
    with contextlib.ExitStack() as stack:
        if killed == "while it holds the lock":
            parent = stack.enter_context(holding(run, "all", *job))
            orphan = psutil.Process(parent.pid).children()[0]
            parent.kill()
            parent.wait()
        else:
            orphan = psutil.Process(stack.enter_context(holding(*job)).pid)
        assert orphan.is_running()
        with locks.only(Path(job[1])):
            assert f"pid {orphan.pid} on {socket.gethostname()} is left over from a run that was killed" in caplog.text
        assert orphan.wait(10) is not None or not orphan.is_running()


def test_a_job_on_a_cluster_waits_for_the_other(run, job, monkeypatch, caplog):
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    with holding(run, "all", *job) as parent:
        first = psutil.Process(parent.pid).children()[0]
        killer = subprocess.Popen([sys.executable, "-c", f"import os, time; time.sleep(1); os.kill({first.pid}, 9)"])
        start = time.monotonic()
        with locks.only(Path(job[1])):
            assert time.monotonic() - start > 0.5
        assert "already runs this job; waiting for it" in caplog.text
        assert killer.wait() == 0


def write_lock(folder: Path) -> Path:
    """The lock that a killed Snakemake leaves."""
    lock = folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("results/tables/table1.csv")
    return lock


def test_a_killed_runs_lock_is_deleted(tmp_path, caplog):
    lock = write_lock(tmp_path)
    locks.forget_killed_runs(tmp_path)
    assert not lock.exists()
    assert "deleted the locks of a Snakemake that was killed" in caplog.text


def listed(folder: Path, *writers: Writer | str) -> None:
    """List runs that ended."""
    lines = [writer if isinstance(writer, str) else writer.line() for writer in writers]
    (folder / ".snakemake/runs.lock").write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("file_system", ["nfs4", "lustre", "fuse.sshfs", "9p", ""])
@pytest.mark.parametrize("former_version", [False, True])
def test_where_another_machine_ran_over_a_network_a_lock_stays(
    tmp_path, monkeypatch, caplog, file_system, former_version
):
    lock = write_lock(tmp_path)
    monkeypatch.setattr(machines, "file_system", lambda folder: file_system)
    other = Writer.here(tmp_path)._replace(boot="another", machine="another", host="node7")
    listed(tmp_path, "node7" if former_version else other)
    locks.forget_killed_runs(tmp_path)
    assert lock.exists()
    assert "another machine (node7) ran Snakemake here over a network file system; if none does now" in caplog.text


@pytest.mark.parametrize(
    ("before", "file_system"),
    [
        ({"host": "other"}, "nfs4"),  # another container
        ({"boot": "another"}, "nfs4"),  # the same machine, before it was started again
        ({"boot": "another", "machine": "another", "local": True}, "ext4"),  # the disk was in another machine
    ],
)
def test_a_killed_runs_lock_is_deleted_whatever_its_host_was_called(tmp_path, monkeypatch, before, file_system):
    lock = write_lock(tmp_path)
    monkeypatch.setattr(machines, "file_system", lambda folder: file_system)
    me = Writer.here(tmp_path)._replace(machine="id host")
    monkeypatch.setattr(Writer, "here", lambda folder: me)
    listed(tmp_path, me._replace(**before))
    locks.forget_killed_runs(tmp_path)
    assert not lock.exists()


def test_a_clients_lock_stays_on_the_server_of_a_network_file_system(tmp_path):
    lock = write_lock(tmp_path)
    client = Writer.here(tmp_path)._replace(boot="another", machine="another", local=False)
    listed(tmp_path, client)
    locks.forget_killed_runs(tmp_path)
    assert lock.exists()


def test_without_locks_nothing_is_deleted_and_unlocking_is_allowed(tmp_path, monkeypatch, caplog):
    def no_locks(*_):
        raise OSError(95, "Operation not supported")

    lock = write_lock(tmp_path)
    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    before = psutil.Process().num_fds()
    locks.forget_killed_runs(tmp_path)
    assert lock.exists()
    assert "cannot tell killed runs from running ones here" in caplog.text
    assert not locks.others_run(tmp_path)
    assert psutil.Process().num_fds() == before


def test_a_machine_is_listed_once(tmp_path):
    program = "import sys; from pathlib import Path; from template3d.runtime import locks; "
    program += "locks.forget_killed_runs(Path(sys.argv[1]))"
    for _ in range(3):
        subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
    (line,) = (tmp_path / ".snakemake/runs.lock").read_text().splitlines()
    assert Writer.parse(line).boot == Writer.here(tmp_path).boot


@pytest.mark.parametrize("end", ["killed", "alive"])
def test_only_a_killed_containers_locks_are_deleted(tmp_path, end):
    program = "import sys, time; from pathlib import Path; from template3d.runtime import locks; "
    program += "locks.forget_killed_runs(Path(sys.argv[1])); print('ready', flush=True); time.sleep(60)"
    with containers.running(program, tmp_path) as container:
        lock = write_lock(tmp_path)
        if end == "killed":
            container.kill()
        locks.forget_killed_runs(tmp_path)
        assert lock.exists() == (end == "alive")


def test_a_job_in_another_container_is_named_and_not_stopped(tmp_path):
    """The process ids of containers overlap: its id may be that of another process here."""
    log = tmp_path / "logs/job.log"
    program = JOB.replace("locked", "ready")
    with containers.running(program, log) as container:
        with pytest.raises(InputError, match=r"job\.log: pid \d+ on other already runs this job"), locks.only(log):
            pass
        assert container.is_running()
        container.kill()
        with locks.only(log):
            pass


def test_a_process_with_the_pid_of_a_holder_elsewhere_is_not_stopped(tmp_path):
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        me = psutil.Process(bystander.pid)
        here = Writer.here(tmp_path)._replace(pid=me.pid, began=me.create_time())
        assert here.process() == me
        for elsewhere in (here._replace(boot="another"), here._replace(pid_namespace=1), here._replace(began=1.0)):
            assert elsewhere.process() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_living_runs_lock_stays(tmp_path):
    program = "import sys, time; from pathlib import Path; from template3d.runtime import locks; "
    program += "locks.forget_killed_runs(Path(sys.argv[1])); print('locked', flush=True); time.sleep(60)"
    with holding("-c", program, tmp_path):
        lock = write_lock(tmp_path)
        locks.forget_killed_runs(tmp_path)
        assert lock.exists()
