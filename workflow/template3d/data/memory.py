"""The storage of training data: GPU memory, RAM, or files."""

import os
from typing import NamedTuple

import torch


class Memory(NamedTuple):
    """The memory, in GB, that one kind of training data may use."""

    gpu_gb: float = 0.0
    ram_gb: float = 4.0

    @classmethod
    def of(cls, training: dict) -> "Memory":
        """Read the configuration's section ``training``; the processes of one machine share its RAM."""
        return cls(training["gpu_gb"] if training["gpus"] else 0.0, training["ram_gb"] / max(1, training["gpus"]))

    def device(self, size: int) -> str | None:
        """The device for ``size`` bytes: this process's GPU, ``cpu``, or None, which means files."""
        if torch.cuda.is_available() and size <= 1e9 * self.gpu_gb:
            return f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
        return "cpu" if size <= 1e9 * self.ram_gb else None
