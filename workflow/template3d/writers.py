"""One writer: no two processes make the same result, and what a killed run leaves behind stands in nobody's way."""

import contextlib
import fcntl
import json
import logging
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import filelock
import psutil

from template3d.errors import InputError
from template3d.files import write_text

log = logging.getLogger(__name__)

LEAVES_WITHIN = 60.0
"""Seconds in which a process that is told to stop has left; a training writes its checkpoint first."""


@contextlib.contextmanager
def only(file: Path) -> Iterator[None]:
    """Be the only process that does the job of which ``file`` is the log.

    The operating system drops the lock with the process that holds it, so that a dead one's is free. A process on this
    machine that a killed Snakemake left behind is told to stop, and waited for. A job of SLURM, which runs jobs on
    when Snakemake was killed, waits for any other. Else raises InputError, naming the other's host and pid.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    holder = file.with_name(f".{file.name}.holder")
    lock = filelock.FileLock(file.with_name(f".{file.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        _take_over(lock, file, _read(holder))
    try:
        write_text(holder, json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "run": _run()}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def forget_killed_runs(folder: Path) -> None:
    """Take away the locks that killed Snakemake processes left in ``folder``, if no other one runs there.

    Every process that calls this holds a lock of its own, which the operating system drops with it, until it ends.
    """
    if not os.access(folder, os.W_OK):
        return  # Snakemake says so itself, if it has to write
    (folder / ".snakemake").mkdir(exist_ok=True)
    mark = os.open(folder / ".snakemake/runs.lock", os.O_RDWR | os.O_CREAT)  # never closed: held to the end
    with contextlib.suppress(BlockingIOError):  # others run: the locks may be theirs
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locks = folder / ".snakemake/locks"
        if locks.is_dir() and any(locks.iterdir()):
            shutil.rmtree(locks)
            log.warning("%s: the locks of a Snakemake that was killed are taken away", folder)
    fcntl.flock(mark, fcntl.LOCK_SH)


def _take_over(lock: filelock.FileLock, file: Path, other: dict | None) -> None:
    who = f"pid {other['pid']} on {other['host']}" if other else "another process"
    here = other is not None and other["host"] == socket.gethostname()
    if here and other["run"] and not _alive(other["run"]):
        log.warning("%s: %s is left over from a run that was killed: it is told to stop", file, who)
        with contextlib.suppress(ProcessLookupError):
            os.kill(other["pid"], signal.SIGTERM)
        patience = LEAVES_WITHIN
    elif "SLURM_JOB_ID" in os.environ:
        log.warning("%s: %s is at this job; waiting for it", file, who)
        patience = -1
    else:
        patience = 0
    try:
        lock.acquire(timeout=patience)
    except filelock.Timeout as taken:
        raise InputError(f"{file}: {who} is at this job already; wait for it, or stop it and start again") from taken


def _read(holder: Path) -> dict | None:
    try:
        return json.loads(holder.read_text())
    except FileNotFoundError:  # it has only just begun, or only just left
        return None


def _run() -> tuple[int, float] | None:
    """Process id and start of the Snakemake that started this process; None if none did."""
    for parent in reversed(psutil.Process().parents()):
        with contextlib.suppress(psutil.Error):  # another user's, or gone
            words = [Path(word).name for word in parent.cmdline()[:5]]
            if words and "snakemake" in words and (words[0].startswith("python") or words[0] == "snakemake"):
                return parent.pid, parent.create_time()
    return None


def _alive(run: tuple[int, float]) -> bool:
    pid, began = run
    try:
        other = psutil.Process(pid)
        return abs(other.create_time() - began) < 1 and other.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
