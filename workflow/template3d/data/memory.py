"""The storage of training data: GPU memory, RAM, or files, by what is free."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import torch

RAM_SHARE = 0.5
"""The part of this machine's free RAM that one kind of data may take, because trainings may run side by side."""
RAM_RESERVE = 2_000_000_000
"""Bytes that a process needs besides the data, of the RAM that a cluster gave to its job."""
CGROUPS = Path("/sys/fs/cgroup")


class Memory(NamedTuple):
    """The memory that one kind of training data may use: at most these GB, and only what is free."""

    gpu_gb: float = 0.0
    ram_gb: float = math.inf
    reserve: int = 0
    """Bytes of the GPU's memory that the training step needs."""
    processes: int = 1
    """Processes of one training, which share the machine's RAM."""

    @classmethod
    def of(cls, training: dict, reserve: int = 0) -> "Memory":
        """Read the configuration's section ``training``, where ``auto`` sets no upper bound."""
        gpu, ram = (math.inf if training[key] == "auto" else training[key] for key in ("gpu_gb", "ram_gb"))
        processes = max(1, training["gpus"])
        return cls(gpu if training["gpus"] else 0.0, ram / processes, reserve, processes)

    def device(self, size: int) -> str | None:
        """The device for ``size`` bytes: this process's GPU, ``cpu``, or None, which means files."""
        gpu = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
        if self.gpu_gb and torch.cuda.is_available():
            free = torch.cuda.mem_get_info(gpu)[0] - self.reserve
            if size <= min(1e9 * self.gpu_gb, free):
                return gpu
        return "cpu" if size <= min(1e9 * self.ram_gb, free_ram() / self.processes) else None


def free_ram() -> float:
    """The bytes of RAM that this process may take: RAM_SHARE of the free ones, and no more than its cgroup allows."""
    return min(RAM_SHARE * psutil.virtual_memory().available, *(left - RAM_RESERVE for left in _left_in_cgroups()))


def _left_in_cgroups() -> Iterator[float]:
    """The bytes that each limit of this process's control groups leaves; SLURM and containers set such limits."""
    yield math.inf
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except FileNotFoundError:  # not Linux
        return
    for _, controllers, path in groups:
        if "memory" in controllers.split(","):
            root, names = CGROUPS / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        elif not controllers:
            root, names = CGROUPS, ("memory.max", "memory.current", "inactive_file")
        else:
            continue
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(root) and (left := _left(folder, *names)) is not None:
                yield left


def _left(folder: Path, limit: str, used: str, cache: str) -> int | None:
    """The bytes that a control group's limit leaves; None without a limit. Cached files can be dropped."""
    try:
        most = (folder / limit).read_text().strip()
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return None if most == "max" else int(most) - int((folder / used).read_text()) + int(statistics[cache])
    except (OSError, KeyError, ValueError):  # another version of control groups, or not ours to read
        return None
