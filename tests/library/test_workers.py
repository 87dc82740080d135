import os
import re
import signal
import time

import pytest
from template3d.data import archives
from template3d.runtime import workers
from template3d.runtime.errors import InputError


def files_of(task):
    """Run in a worker process."""
    return {f"{answer(task)}.txt": b""}


def answer(task):
    """Run in a worker process."""
    if task == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "bad":
        raise InputError("it is bad")
    if task == "memory":
        raise MemoryError
    if task == "slow":
        time.sleep(300)
    if task == "slow in C":
        sum(range(10**12))
    if task == "bug":
        raise ZeroDivisionError
    return os.getpid() if task == "pid" else task


def test_results_come_in_order_and_a_dead_worker_takes_only_its_shape():
    names = ["a", "crash", "bad", "b", "c"]
    results = list(workers.each(answer, [(name, (name,)) for name in names], processes=2))
    assert [name for name, _ in results] == names
    by_name = dict(results)
    assert (by_name["a"], by_name["b"], by_name["c"]) == ("a", "b", "c")
    assert isinstance(by_name["crash"], InputError)
    assert "worker process died (signal 11" in str(by_name["crash"])
    assert str(by_name["bad"]) == "it is bad"


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("killed", r"its worker process was killed \(signal 9.*perhaps because memory ran out; run snakemake again"),
        ("memory", "memory ran out; run snakemake again, with fewer --cores or more memory"),
        ("slow", r"took more than limits\.shape_minutes \(0\.1\)"),
        ("slow in C", r"took more than limits\.shape_minutes \(0\.1\)"),
    ],
)
def test_memory_and_time_that_run_out_take_only_their_shape(task, reason):
    started = time.monotonic()
    results = dict(workers.each(answer, [(name, (name,)) for name in ("a", task, "c")], minutes=0.1))
    assert (results["a"], results["c"]) == ("a", "c")
    assert isinstance(results[task], InputError)
    assert re.match(reason, str(results[task]))
    assert time.monotonic() - started < 60


def test_a_bad_shape_fails_its_archive_or_is_skipped_for_whatever_reason(tmp_path):
    def make(stale):
        return workers.each(files_of, [(shape, (shape,)) for shape in stale], minutes=0.1)

    sources = dict.fromkeys(("a", "killed", "slow"), "")
    with pytest.raises(InputError, match=r"^killed: its worker process was killed .*; fix it or set on_bad_mesh: skip"):
        archives.update(tmp_path / "a.zip", sources, make)
    archives.update(tmp_path / "a.zip", sources, make, "skip")
    assert archives.failures(tmp_path / "a.zip").keys() == {"killed", "slow"}
    assert "a.txt" in archives.names(tmp_path / "a.zip")


def test_a_worker_is_renewed():
    results = workers.each(answer, [(str(turn), ("pid",)) for turn in range(4)], renew_after=2)
    pids = [pid for _, pid in results]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    assert os.getpid() not in pids


def test_a_bug_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        list(workers.each(answer, [("x", ("bug",))]))
