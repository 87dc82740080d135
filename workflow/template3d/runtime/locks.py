"""One process at a time makes a result; stale locks and processes of killed runs are removed."""

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

from template3d.runtime.errors import InputError
from template3d.runtime.files import write_text

log = logging.getLogger(__name__)

_marks: dict[Path, int] = {}
"""What this process holds, by folder, to its end."""
LEAVES_WITHIN = 60.0
"""Seconds in which a process that is told to stop has left; a training writes its checkpoint first."""
SAME_START = 10.0
"""Seconds by which a process's start may seem to move, when the clock was set."""
ASKS_EVERY = 1.0
"""Seconds between two looks at a lock that another one holds."""


@contextlib.contextmanager
def only(file: Path) -> Iterator[None]:
    """Be the only process that does the job of which ``file`` is the log.

    The operating system drops the lock with the process that holds it, so that a dead one's is free. A process on this
    machine that a killed Snakemake left behind is told to stop, and waited for. A job of SLURM, which runs jobs on
    when Snakemake was killed, waits for any other. Else raises InputError, naming the other's host and pid.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    holder = file.with_name(f".{file.name}.holder")
    lock = filelock.FileLock(file.with_name(f".{file.name}.lock"), timeout=0, poll_interval=ASKS_EVERY)
    try:
        lock.acquire()
    except filelock.Timeout:
        _take_over(lock, file, _read(holder))
    try:
        me = {"host": socket.gethostname(), "self": _identity(psutil.Process()), "run": _run()}
        write_text(holder, json.dumps(me))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def forget_killed_runs(folder: Path) -> None:
    """Take away the locks that killed Snakemake processes left in ``folder``, if no other one runs there.

    Every process that calls this holds a lock of its own until it ends, and the operating system drops it. Where other
    machines ran Snakemake in this folder, too, nothing is deleted: such locks may not reach them.
    """
    if folder in _marks or not os.access(folder, os.W_OK):  # Snakemake says so itself, if it has to write
        return
    (folder / ".snakemake").mkdir(exist_ok=True)
    try:
        mark = _marks[folder] = os.open(folder / ".snakemake/runs.lock", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        with contextlib.suppress(BlockingIOError):  # others run: the locks may be theirs
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hosts, locks = set(os.read(mark, 10_000).decode().split()), folder / ".snakemake/locks"
            if hosts <= {socket.gethostname()} and locks.is_dir() and any(locks.iterdir()):
                shutil.rmtree(locks)
                log.warning("%s: deleted the locks of a Snakemake that was killed", folder)
            if socket.gethostname() not in hosts:
                os.write(mark, f"{socket.gethostname()}\n".encode())
        fcntl.flock(mark, fcntl.LOCK_SH)
    except OSError as error:  # another user's file, or a file system without locks
        log.warning("%s: killed runs cannot be told from living ones here (%s)", folder, error)


def _take_over(lock: filelock.FileLock, file: Path, other: dict | None) -> None:
    who = f"pid {other['self'][0]} on {other['host']}" if other else "another process"
    here = other if other is not None and other["host"] == socket.gethostname() else None
    if here and here["run"] and not _alive(here["run"]):
        log.warning("%s: %s is left over from a run that was killed: it is told to stop", file, who)
        if _alive(here["self"]):
            with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or another user's: then it stays
                os.kill(here["self"][0], signal.SIGTERM)
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
            words = [Path(word).name for word in parent.cmdline()[:3]]
            if "snakemake" in words[:2] or words[1:] == ["-m", "snakemake"]:
                return _identity(parent)
    return None


def _identity(process: psutil.Process) -> tuple[int, float]:
    return process.pid, process.create_time()


def _alive(identity: tuple[int, float]) -> bool:
    pid, began = identity
    try:
        other = psutil.Process(pid)
        return abs(other.create_time() - began) < SAME_START and other.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
