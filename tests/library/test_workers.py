import os
import signal

import pytest
from template3d.runtime import workers
from template3d.runtime.errors import InputError


def answer(task):
    """Run in a worker process."""
    if task == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "bad":
        raise InputError("it is bad")
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


def test_a_killed_worker_is_not_the_shapes_fault():
    results = workers.each(answer, [(name, (name,)) for name in ("a", "killed", "c")])
    assert next(results) == ("a", "a")
    with pytest.raises(InputError, match=r"killed: its worker process was killed \(signal 9.*run snakemake again"):
        next(results)


def test_a_worker_is_renewed():
    results = workers.each(answer, [(str(turn), ("pid",)) for turn in range(4)], renew_after=2)
    pids = [pid for _, pid in results]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    assert os.getpid() not in pids


def test_a_bug_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        list(workers.each(answer, [("x", ("bug",))]))
