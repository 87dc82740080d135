"""A process in other namespaces, as in a container: another host name and other process ids, the same files."""

import contextlib
import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

UNSHARE = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
INSIDE = 'hostname other && exec "$@"'


class Container:
    """A program that runs as the first process of a container."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._unshare = psutil.Process(process.pid)
        (self._first,) = self._unshare.children()

    def is_running(self) -> bool:
        return self._first.is_running() and self._first.status() != psutil.STATUS_ZOMBIE

    def kill(self) -> None:
        self._first.kill()
        self._unshare.wait(10)


@contextlib.contextmanager
def running(program: str, *arguments: object) -> Iterator[Container]:
    """Run a Python program in a container, from when it prints ``ready``."""
    if not allowed():
        pytest.skip("this machine does not allow new namespaces (unshare)")
    command = [*UNSHARE, "sh", "-c", INSIDE, "sh", sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield Container(process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@functools.cache
def allowed() -> bool:
    tried = [*UNSHARE, "sh", "-c", INSIDE, "sh", "true"]
    return bool(shutil.which("unshare")) and subprocess.run(tried, capture_output=True, check=False).returncode == 0
