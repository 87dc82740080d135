import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from template3d.runtime import locks
from template3d.runtime.errors import InputError

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
            assert json.loads((log.parent / ".job.log.holder").read_text())["process"][0] == os.getpid()
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


def test_where_other_machines_ran_too_a_lock_stays(tmp_path):
    lock = write_lock(tmp_path)
    (tmp_path / ".snakemake/runs.lock").write_text("another_host\n")
    locks.forget_killed_runs(tmp_path)
    assert lock.exists()


def test_a_living_runs_lock_stays(tmp_path):
    program = "import sys, time; from pathlib import Path; from template3d.runtime import locks; "
    program += "locks.forget_killed_runs(Path(sys.argv[1])); print('locked', flush=True); time.sleep(60)"
    with holding("-c", program, tmp_path):
        lock = write_lock(tmp_path)
        locks.forget_killed_runs(tmp_path)
        assert lock.exists()
