"""Worker processes that handle one shape at a time; if one dies, the other shapes are not affected."""

import itertools
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from template3d.runtime.errors import InputError

RENEW_AFTER = 100
"""Shapes after which a new worker replaces the old one, because Blender and other libraries leak memory."""


def each(
    function: Callable[..., Any],
    tasks: Iterable[tuple[str, tuple]],
    processes: int = 1,
    renew_after: int = RENEW_AFTER,
) -> Iterator[tuple[str, Any]]:
    """Call ``function`` with the arguments of each named task; yield names and results in the order of the tasks.

    ``function`` must be importable from a module. If it raises InputError, or if a library crashes its worker, the
    result is an InputError, and the other tasks continue. Any other exception is raised here. A worker that was killed
    by SIGKILL, perhaps because memory ran out, raises InputError, because the shape may not be the cause.
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
                            f"{name}: its worker process was killed ({_cause(death.exitcode)}), perhaps because "
                            "memory ran out; run snakemake again, with fewer --cores or more memory"
                        ) from death
                    yield name, InputError(f"its worker process died ({_cause(death.exitcode)})")
        finally:
            pool.stop()


def _cause(exitcode: int) -> str:
    if exitcode < 0:
        return f"signal {-exitcode}, {signal.strsignal(-exitcode) or 'unknown'}"
    return f"exit code {exitcode}"
