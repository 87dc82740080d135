"""Where training data live: in the memory of the GPU, of the processor, or in files."""

import os
from typing import NamedTuple

import torch


class Memory(NamedTuple):
    """What one kind of training data may take, in GB."""

    gpu_gb: float = 0.0
    ram_gb: float = 4.0

    @classmethod
    def of(cls, training: dict) -> "Memory":
        """From the configuration's ``training``; processes that share a machine share its memory."""
        return cls(training["gpu_gb"] if training["gpus"] else 0.0, training["ram_gb"] / max(1, training["gpus"]))

    def device(self, size: int) -> str | None:
        """Where ``size`` bytes go: this process's GPU, ``cpu``, or None, which means files."""
        if torch.cuda.is_available() and size <= 1e9 * self.gpu_gb:
            return f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
        return "cpu" if size <= 1e9 * self.ram_gb else None
