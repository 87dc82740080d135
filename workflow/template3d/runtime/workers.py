"""Worker processes that make one shape at a time: one that dies takes no other shape with it."""

import itertools
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from template3d.runtime.errors import InputError

RENEW_AFTER = 100
"""Shapes after which a worker makes way for a new one: Blender and other libraries keep some memory of each shape."""


def each(
    function: Callable[..., Any],
    tasks: Iterable[tuple[str, tuple]],
    processes: int = 1,
    renew_after: int = RENEW_AFTER,
) -> Iterator[tuple[str, Any]]:
    """Call ``function`` on the arguments of each named task; yield its name and result, in the order of the tasks.

    ``function`` stands in a module, so that a worker can import it. Where it raises InputError, or its worker dies
    in a library (by its signal), the result is an InputError that says so, and the other tasks go on. Any other
    exception is raised here; so is an InputError where somebody killed the worker, or the system for want of memory:
    of that the shape need not be guilty.
    """
    context = multiprocessing.get_context("spawn")  # Blender, Embree and CUDA do not survive a fork
    tasks = iter(tasks)
    waiting: deque[tuple[str, ProcessFuture]] = deque()
    with ProcessPool(processes, renew_after, context=context) as pool:
        try:
            while True:
                for name, arguments in itertools.islice(tasks, 2 * processes - len(waiting)):
                    waiting.append((name, pool.schedule(function, arguments)))
                if not waiting:
                    break
                name, future = waiting.popleft()
                try:
                    yield name, future.result()
                except InputError as error:
                    yield name, error
                except ProcessExpired as death:
                    if death.exitcode == -signal.SIGKILL:
                        raise InputError(
                            f"{name}: its worker process was killed ({_cause(death.exitcode)}), perhaps for want of "
                            "memory; run snakemake again, with fewer --cores or more memory if it was that"
                        ) from death
                    yield name, InputError(f"its worker process died ({_cause(death.exitcode)})")
        finally:
            pool.stop()


def _cause(exitcode: int) -> str:
    if exitcode < 0:
        return f"signal {-exitcode}, {signal.strsignal(-exitcode) or 'unknown'}"
    return f"exit code {exitcode}"
