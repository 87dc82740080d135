"""What a stage of training says to the loop, and its schedule."""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from template3d.runtime.errors import InputError


class Stage(nn.Module, ABC):
    """What a stage of training says to the loop: its networks, its batches, and its loss as ``forward``."""

    unit = "images"
    """What is counted for the log: ``images``, or the ``points`` of a batch's last tensor (B, N)."""
    summed = False
    """Whether ``total`` is a sum over the batch, not a mean."""

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups of parameters with their learning rates, as an optimiser takes them."""

    @abstractmethod
    def batches(self, epoch: int, generator: torch.Generator) -> Iterable[tuple[Tensor, ...]]:
        """The batches of an epoch (1, 2, ...); all randomness from ``generator``."""

    @abstractmethod
    def forward(self, epoch: int, *batch: Tensor) -> dict[str, Tensor]:
        """The terms of the loss, scalars by name; ``total`` is the one that is minimised."""

    def augment(self, *batch: Tensor) -> tuple[Tensor, ...]:
        """What is done to a batch on the device before its step, such as augmentation; it is the whole batch."""
        return batch

    def pictures(self) -> dict[str, np.ndarray]:
        """Pictures (H, W) or (H, W, 3) uint8 of how far training is, by name."""
        return {}


@dataclass(frozen=True)
class Schedule:
    """How long a stage trains, how fast, in what precision (``32``, ``tf32`` or ``bf16``), and where.

    With several ``devices``, each takes an equal part of every batch; the loss is that of the whole batch.
    """

    epochs: int
    halve_learning_rate_every: int
    precision: str = "32"
    compile: bool = False
    seed: int = 0
    devices: int = 1
    accelerator: str = "auto"

    @classmethod
    def of(cls, chosen: dict[str, Any], seed: int, gpus: int) -> "Schedule":
        """From a stage's section of the configuration; on ``gpus`` GPUs, or, for 0, on the processor.

        ``precision: auto`` becomes ``bf16`` where the device has instructions for it, and ``32`` elsewhere.
        Raises InputError if there are fewer GPUs, or no compiler where steps are to be compiled.
        """
        if gpus > torch.cuda.device_count():
            raise InputError(
                f"config: training.gpus is {gpus}, but this machine shows {torch.cuda.device_count()} GPUs; set "
                "training.gpus: 0 to train on the processor"
            )
        variable, usual = ("CC", ("gcc", "clang")) if gpus else ("CXX", ("g++",))
        compilers = [os.environ[variable]] if variable in os.environ else usual
        if chosen["compile"] and not any(map(shutil.which, compilers)):
            raise InputError(
                f"config: compile: true takes a compiler, and {' or '.join(compilers)} is not on the PATH; install "
                f"{usual[0]}, name another in the environment variable {variable}, or set compile: false"
            )
        accelerator = "cuda" if gpus else "cpu"
        if chosen["precision"] == "auto":
            chosen = chosen | {"precision": "bf16" if multiplies_bf16(accelerator) else "32"}
        return cls(**picked(cls, chosen), seed=seed, devices=max(gpus, 1), accelerator=accelerator)


def multiplies_bf16(accelerator: str) -> bool:
    """Whether this machine's ``cpu`` or ``cuda`` has instructions for bfloat16; without, bf16 is slower than 32."""
    if accelerator == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def picked(settings: type, values: dict[str, Any]) -> dict[str, Any]:
    """Those of some values that are fields of a dataclass."""
    return {field.name: values[field.name] for field in fields(settings) if field.name in values}
