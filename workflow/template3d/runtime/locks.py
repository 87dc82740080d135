"""Locks: one process at a time makes a result; removes stale locks and stops processes of killed runs."""

import contextlib
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import filelock
import psutil

from template3d.runtime.errors import InputError
from template3d.runtime.files import write_text
from template3d.runtime.machines import Writer

log = logging.getLogger(__name__)

_marks: dict[Path, int] = {}
"""File descriptors of the locks that this process holds until it ends, by folder."""
LEAVES_WITHIN = 60.0
"""Seconds to wait for a process to end after SIGTERM; a training writes its checkpoint first."""
POLL_INTERVAL = 1.0
"""Seconds between two attempts to acquire a lock that another process holds."""


@contextlib.contextmanager
def only(file: Path) -> Iterator[None]:
    """Hold the lock of the job whose log is ``file``, so that no other process runs it.

    The operating system releases the lock when its process ends. If a process that a killed Snakemake left on this
    machine, in the same container, holds it, this stops that process and waits for it. A SLURM job waits for any other
    holder, because SLURM keeps jobs running after Snakemake is killed. Otherwise raises InputError with the holder's
    host and pid.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    holder = file.with_name(f".{file.name}.holder")
    lock = filelock.FileLock(file.with_name(f".{file.name}.lock"), timeout=0, poll_interval=POLL_INTERVAL)
    try:
        lock.acquire()
    except filelock.Timeout:
        _take_over(lock, file, _read(holder))
    try:
        write_text(holder, Writer.here(file.parent).line())
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def forget_killed_runs(folder: Path) -> None:
    """Delete the locks that killed Snakemake processes left in ``folder``, if no other Snakemake runs there.

    Every process that calls this holds a shared lock until it ends, and is listed in the file that it locks. On a local
    file system, that lock shows whether another process runs, also in a container. File locks may not work across
    machines, so this deletes nothing if another machine is listed that had the folder from a network.
    """
    if folder in _marks or not os.access(folder, os.W_OK):  # Snakemake reports a folder that it cannot write to
        return
    (folder / ".snakemake").mkdir(exist_ok=True)
    me, locks = Writer.here(folder), folder / ".snakemake/locks"
    try:
        mark = _marks[folder] = os.open(folder / ".snakemake/runs.lock", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        with contextlib.suppress(BlockingIOError):  # another Snakemake runs here, and the locks may be its own
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lines = os.read(mark, os.fstat(mark).st_size).decode(errors="replace").splitlines()
            others = [line for line in lines if not _locks_hold(me, Writer.parse(line))]
            if locks.is_dir() and any(locks.iterdir()):
                if others:
                    log.warning("%s: %s", folder, _kept_locks(others[-1]))
                else:
                    shutil.rmtree(locks)
                    log.warning("%s: deleted the locks of a Snakemake that was killed", folder)
            if not any((run := Writer.parse(line)) and run[:2] == me[:2] and run.local == me.local for line in lines):
                os.write(mark, f"{me.line()}\n".encode())
        fcntl.flock(mark, fcntl.LOCK_SH)
    except OSError as error:  # another user's file, or a file system without locks
        if folder in _marks:
            os.close(_marks.pop(folder))
        advice = "after a kill, run `snakemake --unlock`"
        log.warning("%s: cannot tell killed runs from running ones here (%s); %s", folder, error, advice)


def _locks_hold(me: Writer, listed: Writer | None) -> bool:
    """Whether a lock would show that a listed run is at work; None is a run that a former version listed."""
    return me.local if listed is None else me.shares_locks_with(listed)


def _kept_locks(line: str) -> str:
    listed = Writer.parse(line)
    return (
        f"kept the locks in it, because another machine ({listed.host if listed else line}) ran Snakemake here over a "
        "network file system; if none does now, run `snakemake --unlock`"
    )


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


def _take_over(lock: filelock.FileLock, file: Path, other: Writer | None) -> None:
    who = f"pid {other.pid} on {other.host}" if other else "another process"
    left_over = _left_over(other) if other else None
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


def _read(holder: Path) -> Writer | None:
    try:
        return Writer.parse(holder.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:  # the holder has just started or just ended
        return None


def _left_over(holder: Writer) -> psutil.Process | None:
    """The process, if it is alive and the Snakemake that started it is not.

    It looks at the parents now, because the Snakemake may have been killed before the process acquired the lock.
    """
    try:
        process = holder.process()
        return None if process is None or any(map(_is_snakemake, process.parents())) else process
    except psutil.NoSuchProcess:
        return None


def _is_snakemake(process: psutil.Process) -> bool:
    try:
        words = [Path(word).name for word in process.cmdline()[:3]]
    except psutil.Error:  # another user's process, or one that has ended
        return False
    return "snakemake" in words[:2] or words[1:] == ["-m", "snakemake"]
