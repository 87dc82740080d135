"""What every training does around its stage: threads, seed, data, checkpoint, fit, history."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from template3d.data import archives, manifests
from template3d.data.memory import Memory
from template3d.runtime import files
from template3d.training.checkpoints import Checkpoint
from template3d.training.loop import fit
from template3d.training.stage import Schedule, Stage, picked

log = logging.getLogger(__name__)

COLUMNS = ["epoch", "step", "total"]
"""Of a history without rows: that of a published experiment."""


@dataclass
class Training:
    """One training of a category; to make one sets this process's number of threads and its random seed."""

    section: str
    """The part of ``settings`` that is about this stage, such as ``phase1``."""
    machine: dict[str, Any]
    """The configuration's ``training``: how it runs, which changes rounding at most."""
    threads: int
    shards: Sequence[str | Path]
    """The archives that it reads: views or samples or both."""
    settings: dict[str, Any]
    """Parts of the configuration by their names there, ``seed`` among them: what the result depends on."""
    code: dict[str, Any]
    """What code the result depends on."""
    checkpoint: str | Path
    board: str | Path
    """The folder for TensorBoard."""
    sources: Sequence[str | Path] = ()
    """Other files that the result depends on."""

    def __post_init__(self) -> None:
        """Set threads and seed, and find out which data a checkpoint must belong to."""
        torch.set_num_threads(self.threads)
        torch.manual_seed(self.settings["seed"])
        self.memory = Memory.of(self.machine)
        self.data = archives.digest(archives.identity(map(Path, self.shards)), *map(Path, self.sources))

    def numbers(self, settings: type, section: str | None = None) -> Any:
        """A dataclass of ``settings`` with the values of a section, by default this stage's own."""
        return settings(**picked(settings, self.settings[section or self.section]))

    def usable(self, shapes: Sequence[str], manifest_files: Iterable[str | Path]) -> list[str]:
        """Those of some shapes that every stage before could use."""
        usable = manifests.usable(shapes, manifest_files, self.shards)
        log.info("%d of %d listed shapes are usable", len(usable), len(shapes))
        return usable

    def fit(self, stage: Stage, title: str) -> list[dict[str, float]]:
        """Train a stage in place, from its checkpoint if that fits; the history as ``loop.fit`` returns it."""
        schedule = Schedule.of(self.settings[self.section], self.settings["seed"], self.machine["gpus"])
        checkpoint = Checkpoint(
            Path(self.checkpoint),
            self.machine["checkpoint_minutes"],
            settings=self.settings,
            code=self.code,
            data=self.data,
        )
        return fit(stage, schedule, title, checkpoint, Path(self.board))


def write_history(file: str | Path, history: list[dict[str, float]]) -> None:
    """Write a training's history, a row an epoch, as CSV."""
    table = pd.DataFrame(history) if history else pd.DataFrame(columns=COLUMNS)
    files.write_text(file, table.to_csv(index=False))
