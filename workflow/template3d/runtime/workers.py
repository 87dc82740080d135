"""Worker processes that handle one shape at a time; if one dies, the other shapes are not affected."""

import itertools
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from template3d.runtime.errors import InputError

MORE_MEMORY = "run snakemake again, with fewer --cores or more memory"
RENEW_AFTER = 100
"""Shapes after which a new worker replaces the old one, because Blender and other libraries leak memory."""


def each(
    function: Callable[..., Any],
    tasks: Iterable[tuple[str, tuple]],
    processes: int = 1,
    renew_after: int = RENEW_AFTER,
    minutes: float | None = None,
) -> Iterator[tuple[str, Any]]:
    """Call ``function`` with the arguments of each named task; yield names and results in the order of the tasks.

    ``function`` must be importable from a module. The result is an InputError, and the other tasks continue, if the
    function raises InputError or takes longer than ``minutes`` (``limits.shape_minutes``), if memory runs out, or if
    the worker dies. Any other exception is raised here.
    """
    context = multiprocessing.get_context("spawn")  # Blender, Embree and CUDA do not survive a fork
    tasks, seconds = iter(tasks), None if minutes is None else 60 * minutes
    waiting: deque[tuple[str, ProcessFuture]] = deque()
    with ProcessPool(processes, renew_after, context=context) as pool:
        try:
            while True:
                for name, arguments in itertools.islice(tasks, 2 * processes - len(waiting)):
                    waiting.append((name, pool.schedule(function, arguments, timeout=seconds)))
                if not waiting:
                    break
                name, future = waiting.popleft()
                try:
                    yield name, future.result()
                except InputError as error:
                    yield name, error
                except TimeoutError:
                    yield name, InputError(f"took more than limits.shape_minutes ({minutes:g})")
                except MemoryError:
                    yield name, InputError(f"memory ran out; {MORE_MEMORY}")
                except ProcessExpired as death:
                    cause = _cause(death.exitcode)
                    if death.exitcode == -signal.SIGKILL:
                        reason = f"its worker process was killed ({cause}), perhaps because memory ran out"
                        yield name, InputError(f"{reason}; {MORE_MEMORY}")
                    else:
                        yield name, InputError(f"its worker process died ({cause})")
        finally:
            pool.stop()


def _cause(exitcode: int) -> str:
    if exitcode < 0:
        return f"signal {-exitcode}, {signal.strsignal(-exitcode) or 'unknown'}"
    return f"exit code {exitcode}"
