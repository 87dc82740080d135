"""The training loop, once for all stages: device, precision, learning rates, progress, history."""

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

log = logging.getLogger(__name__)

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed"}
SECONDS_BETWEEN_LINES = 15


class Stage(nn.Module, ABC):
    """What a stage of training says to the loop: its networks, its batches, and its loss as ``forward``."""

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups of parameters with their learning rates, as an optimiser takes them."""

    @abstractmethod
    def batches(self, epoch: int, generator: torch.Generator) -> Iterable[tuple[Tensor, ...]]:
        """The batches of an epoch (1, 2, ...)."""

    @abstractmethod
    def forward(self, epoch: int, *batch: Tensor) -> dict[str, Tensor]:
        """The terms of the loss, scalars by name; ``total`` is the one that is minimised."""


@dataclass(frozen=True)
class Schedule:
    """How long a stage trains, how fast, and in what precision (``32`` or ``bf16``)."""

    epochs: int
    halve_every: int
    precision: str = "32"
    seed: int = 0


def fit(stage: Stage, schedule: Schedule, name: str) -> list[dict[str, float]]:
    """Train a stage in place with Adam, the learning rates halved every ``halve_every`` epochs.

    Runs on a GPU where there is one. Returns one row an epoch: ``epoch``, ``step``, ``seconds``, the mean of each
    term of the loss, and each group's learning rate. Raises FloatingPointError as soon as the loss is not finite.
    """
    torch.manual_seed(schedule.seed)
    generator = torch.Generator().manual_seed(schedule.seed)
    fabric = Fabric(accelerator="auto", devices=1, precision=PRECISIONS[schedule.precision])
    groups = stage.parameter_groups()
    start_rates = [group["lr"] for group in groups]
    model, optimizer = fabric.setup(stage, torch.optim.Adam(groups, fused=True))
    model.train()
    log.info("%s: %d epochs on %s, precision %s", name, schedule.epochs, fabric.device, schedule.precision)
    history, step, start, told = [], 0, time.monotonic(), 0.0
    # a bar on a terminal only; a log gets a line now and then
    for epoch in tqdm(range(1, schedule.epochs + 1), desc=name, unit="epoch", disable=None):
        for group, rate in zip(optimizer.param_groups, start_rates, strict=True):
            group["lr"] = rate * 0.5 ** (epoch // schedule.halve_every)
        sums, count = {}, 0
        for batch in stage.batches(epoch, generator):
            terms = model(epoch, *(part.to(fabric.device) for part in batch))
            optimizer.zero_grad()
            fabric.backward(terms["total"])
            optimizer.step()
            step, count = step + 1, count + 1
            values = {term: value.item() for term, value in terms.items()}
            if not math.isfinite(values["total"]):
                rates = [group["lr"] for group in optimizer.param_groups]
                raise FloatingPointError(f"{name}: the loss is not finite at step {step}: {values}, rates {rates}")
            sums = {term: sums.get(term, 0.0) + value for term, value in values.items()}
        seconds = time.monotonic() - start
        row = {"epoch": epoch, "step": step, "seconds": round(seconds, 2)}
        row |= {term: value / count for term, value in sums.items()}
        row |= {f"rate_{group.get('name', 'all')}": group["lr"] for group in optimizer.param_groups}
        history.append(row)
        if seconds - told > SECONDS_BETWEEN_LINES or epoch in (1, schedule.epochs):
            told, left = seconds, seconds / epoch * (schedule.epochs - epoch)
            means = ", ".join(f"{term} {row[term]:.5f}" for term in sums)
            log.info(
                "%s: epoch %d of %d, %s; %.0f s, %.0f s to go",
                name,
                epoch,
                schedule.epochs,
                means,
                seconds,
                left,
            )
    stage.cpu().eval()
    return history
