"""Locks: one process at a time makes a result; removes stale locks and stops processes of killed runs."""

import contextlib
import fcntl
import json
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import filelock
import psutil

from template3d.runtime.errors import InputError
from template3d.runtime.files import write_text

log = logging.getLogger(__name__)

_marks: dict[Path, int] = {}
"""File descriptors of the locks that this process holds until it ends, by folder."""
LEAVES_WITHIN = 60.0
"""Seconds to wait for a process to end after SIGTERM; a training writes its checkpoint first."""
SAME_START = 10.0
"""Tolerance in seconds when process start times are compared; setting the clock shifts them."""
POLL_INTERVAL = 1.0
"""Seconds between two attempts to acquire a lock that another process holds."""


@contextlib.contextmanager
def only(file: Path) -> Iterator[None]:
    """Hold the lock of the job whose log is ``file``, so that no other process runs it.

    The operating system releases the lock when its process ends. If a process that a killed Snakemake left on this
    machine holds it, this stops that process and waits for it. A SLURM job waits for any other holder, because SLURM
    keeps jobs running after Snakemake is killed. Otherwise raises InputError with the holder's host and pid.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    holder = file.with_name(f".{file.name}.holder")
    lock = filelock.FileLock(file.with_name(f".{file.name}.lock"), timeout=0, poll_interval=POLL_INTERVAL)
    try:
        lock.acquire()
    except filelock.Timeout:
        _take_over(lock, file, _read(holder))
    try:
        me = psutil.Process()
        write_text(holder, json.dumps({"host": socket.gethostname(), "process": [me.pid, me.create_time()]}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def forget_killed_runs(folder: Path) -> None:
    """Delete the locks that killed Snakemake processes left in ``folder``, if no other Snakemake runs there.

    Every process that calls this holds a shared lock until it ends. If other machines ran Snakemake in this folder
    too, this deletes nothing: file locks may not work across machines.
    """
    if folder in _marks or not os.access(folder, os.W_OK):  # Snakemake reports a folder that it cannot write to
        return
    (folder / ".snakemake").mkdir(exist_ok=True)
    try:
        mark = _marks[folder] = os.open(folder / ".snakemake/runs.lock", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        with contextlib.suppress(BlockingIOError):  # another Snakemake runs here, and the locks may be its own
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hosts, locks = set(os.read(mark, 10_000).decode().split()), folder / ".snakemake/locks"
            if hosts <= {socket.gethostname()} and locks.is_dir() and any(locks.iterdir()):
                shutil.rmtree(locks)
                log.warning("%s: deleted the locks of a Snakemake that was killed", folder)
            if socket.gethostname() not in hosts:
                os.write(mark, f"{socket.gethostname()}\n".encode())
        fcntl.flock(mark, fcntl.LOCK_SH)
    except OSError as error:  # another user's file, or a file system without locks
        log.warning("%s: cannot tell killed runs from running ones here (%s)", folder, error)


def others_run(folder: Path) -> bool:
    """Whether another process has called ``forget_killed_runs`` for ``folder`` and is at work."""
    mark = _marks.get(folder)
    if mark is None:
        return False
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        fcntl.flock(mark, fcntl.LOCK_SH)
    return False


def _take_over(lock: filelock.FileLock, file: Path, other: dict | None) -> None:
    who = f"pid {other['process'][0]} on {other['host']}" if other else "another process"
    left_over = _left_over(*other["process"]) if other and other["host"] == socket.gethostname() else None
    if left_over:
        log.warning("%s: %s is left over from a run that was killed; stopping it", file, who)
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # has ended, or is another user's
            left_over.terminate()
        patience = LEAVES_WITHIN
    elif "SLURM_JOB_ID" in os.environ:
        log.warning("%s: %s already runs this job; waiting for it", file, who)
        patience = -1
    else:
        patience = 0
    try:
        lock.acquire(timeout=patience)
    except filelock.Timeout as timeout:
        raise InputError(f"{file}: {who} already runs this job; wait for it, or stop it and start again") from timeout


def _read(holder: Path) -> dict | None:
    try:
        return json.loads(holder.read_text())
    except FileNotFoundError:  # the holder has just started or just ended
        return None


def _left_over(pid: int, began: float) -> psutil.Process | None:
    """The process, if it is alive and the Snakemake that started it is not.

    It looks at the parents now, because the Snakemake may have been killed before the process acquired the lock.
    """
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - began) > SAME_START:
            return None
        parents = process.parents()
    except psutil.NoSuchProcess:
        return None
    return None if any(map(_is_snakemake, parents)) else process


def _is_snakemake(process: psutil.Process) -> bool:
    try:
        words = [Path(word).name for word in process.cmdline()[:3]]
    except psutil.Error:  # another user's process, or one that has ended
        return False
    return "snakemake" in words[:2] or words[1:] == ["-m", "snakemake"]
