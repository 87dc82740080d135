import os
import signal

import pytest
from template3d.runtime import workers
from template3d.runtime.errors import InputError


def answer(what):
    """Run in a worker process."""
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "bad":
        raise InputError("it is bad")
    if what == "bug":
        raise ZeroDivisionError
    return os.getpid() if what == "pid" else what


def test_results_come_in_order_and_a_dead_worker_takes_only_its_shape():
    asked = ["a", "crash", "bad", "b", "c"]
    found = list(workers.each(answer, [(name, (name,)) for name in asked], processes=2))
    assert [name for name, _ in found] == asked
    by_name = dict(found)
    assert (by_name["a"], by_name["b"], by_name["c"]) == ("a", "b", "c")
    assert isinstance(by_name["crash"], InputError)
    assert "worker process died (signal 11" in str(by_name["crash"])
    assert str(by_name["bad"]) == "it is bad"


def test_a_shape_is_not_blamed_for_a_worker_that_was_killed():
    found = workers.each(answer, [(name, (name,)) for name in ("a", "killed", "c")])
    assert next(found) == ("a", "a")
    with pytest.raises(InputError, match=r"killed: its worker process was killed \(signal 9.*run snakemake again"):
        next(found)


def test_a_worker_is_renewed():
    found = workers.each(answer, [(str(turn), ("pid",)) for turn in range(4)], renew_after=2)
    pids = [pid for _, pid in found]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    assert os.getpid() not in pids


def test_a_bug_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        list(workers.each(answer, [("x", ("bug",))]))
