"""The interface between a stage of training and the loop, and the schedule."""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from template3d.runtime.errors import InputError


class Stage(nn.Module, ABC):
    """A stage of training: its networks, its batches, and its loss as ``forward``."""

    unit = "images"
    """The unit that the log counts: ``images``, or ``points``, the entries of a batch's last tensor (B, N)."""
    summed = False
    """Whether ``total`` is a sum over the batch instead of a mean."""
    splits = False
    """Whether a step can be computed in parts, of ``micro_batch`` shapes each."""
    micro_batch: int | None = None
    """The shapes of a part; None means that a step is computed as a whole."""

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups of parameters with their learning rates, as for a PyTorch optimizer."""

    @abstractmethod
    def batches(self, epoch: int, generator: torch.Generator) -> Iterable[tuple[Tensor, ...]]:
        """The batches of an epoch (1, 2, ...); ``generator`` gives all randomness."""

    @abstractmethod
    def forward(self, epoch: int, *batch: Tensor) -> dict[str, Tensor]:
        """The terms of the loss, scalars by name; training minimizes ``total``."""

    def validation(self) -> dict[str, Tensor]:
        """Terms of the loss on the held-out shapes, scalars by name, ``total`` among them; none if none are held out.

        Called in evaluation mode and without gradients; must not draw random numbers from PyTorch's generator.
        """
        return {}

    def augment(self, *batch: Tensor) -> tuple[Tensor, ...]:
        """Change the whole batch, on the device, before it is split over devices; augmentation, for example."""
        return batch

    def pictures(self) -> dict[str, np.ndarray]:
        """Images (H, W) or (H, W, 3) uint8 of the current state, by name."""
        return {}


def random_batches(items: Tensor, size: int, min_batches: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The batches (B,) of an epoch over ``items`` (M,), M > 0, of any type; B is ``size``, or M if that is smaller.

    A pass over the items, in random order, drops a last incomplete batch. If it has fewer batches than ``min_batches``,
    passes in other orders follow until there are enough.
    """
    size = min(size, len(items))
    count = max(len(items) // size, min_batches)
    while count:
        order = items[torch.randperm(len(items), generator=generator)]
        whole = min(len(items) // size, count)
        yield from order[: whole * size].split(size)
        count -= whole


@dataclass(frozen=True)
class Schedule:
    """A stage's epochs, learning rate decay, precision (``32``, ``tf32`` or ``bf16``), seed and devices.

    With a ``patience``, training stops when the ``total`` of the held-out shapes has not improved for so many epochs,
    and the result has the weights of its best epoch. With several ``devices``, each takes an equal part of every batch,
    and the loss is that of the whole batch.
    """

    epochs: int
    halve_learning_rate_every: int
    precision: str = "32"
    compile: bool = False
    patience: int = 0
    seed: int = 0
    devices: int = 1
    accelerator: str = "auto"

    @classmethod
    def of(cls, section: dict[str, Any], seed: int, gpus: int) -> "Schedule":
        """From a stage's section of the configuration, for ``gpus`` GPUs; 0 means the CPU.

        ``precision: auto`` becomes ``bf16`` if that is faster on the device, else ``32``. Raises InputError if there
        are fewer GPUs, or if ``compile`` is true and there is no compiler.
        """
        check_gpus(gpus)
        variable, usual = ("CC", ("gcc", "clang")) if gpus else ("CXX", ("g++",))
        compilers = [os.environ[variable]] if variable in os.environ else usual
        if section["compile"] and not any(map(shutil.which, compilers)):
            raise InputError(
                f"config: compile: true needs a compiler, but {' or '.join(compilers)} is not on the PATH; install "
                f"{usual[0]}, name another in the environment variable {variable}, or set compile: false"
            )
        accelerator = "cuda" if gpus else "cpu"
        if section["precision"] == "auto":
            section = section | {"precision": "bf16" if faster_in_bf16(accelerator) else "32"}
        return cls(**fields_of(cls, section), seed=seed, devices=max(gpus, 1), accelerator=accelerator)


def check_gpus(gpus: int) -> None:
    """Raise InputError if this machine has fewer GPUs."""
    if gpus > torch.cuda.device_count():
        raise InputError(
            f"config: training.gpus is {gpus}, but this machine shows {torch.cuda.device_count()} GPUs; set "
            "training.gpus: 0 to train on the processor"
        )


def faster_in_bf16(accelerator: str) -> bool:
    """Whether this machine's ``cpu`` or ``cuda`` trains faster in bfloat16 than in 32 bits.

    A GPU does if it has instructions for it. Of processors, those with AMX do, and AMD's with AVX512-BF16; Intel's
    AVX512-BF16 multiplies no faster than its 32 bits, and the conversions cost time (docs/performance.md).
    """
    if accelerator == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    intel = capabilities.get("cpu_name", "").startswith("Intel")
    return capabilities.get("amx_bf16", False) or (capabilities.get("avx512_bf16", False) and not intel)


def fields_of(settings: type, values: dict[str, Any]) -> dict[str, Any]:
    """The values whose names are fields of the dataclass ``settings``."""
    return {field.name: values[field.name] for field in fields(settings) if field.name in values}
