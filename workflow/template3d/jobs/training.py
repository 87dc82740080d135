"""The common part of every training job: threads, seed, data, checkpoint, fit and history."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from template3d.data import archives, manifests, splits
from template3d.data.images import read_backgrounds
from template3d.data.memory import Memory
from template3d.data.splits import MIN_TRAINING_SHAPES
from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits
from template3d.training import footprint
from template3d.training.augmentation import Augmentation
from template3d.training.checkpoints import Checkpoint
from template3d.training.loop import fit
from template3d.training.stage import Schedule, Stage, fields_of

log = logging.getLogger(__name__)

COLUMNS = ["epoch", "step", "total"]
"""Columns of a history without rows, as for a published experiment."""


@dataclass
class Training:
    """One training of a category; its constructor sets this process's number of threads and random seed."""

    section: str
    """The section of ``settings`` for this stage, such as ``phase1``."""
    machine: dict[str, Any]
    """The configuration's ``training``: resources, which change at most the rounding of results."""
    threads: int
    shards: Sequence[str | Path]
    """The archives of views, samples or both that this training reads."""
    settings: dict[str, Any]
    """The sections of the configuration, and ``seed``, on which the result depends."""
    code: dict[str, Any]
    """Digests of the ``code`` on which the result depends, and versions of its ``packages``."""
    checkpoint: str | Path
    board: str | Path
    """The folder for TensorBoard."""
    sources: Sequence[str | Path] = ()
    """Other files on which the result depends."""

    def __post_init__(self) -> None:
        """Set threads and seed, and compute the digest of the data that a checkpoint must match."""
        torch.set_num_threads(self.threads)
        torch.manual_seed(self.settings["seed"])
        self.memory = Memory.of(self.machine, footprint.step(self.section, self.settings, self.machine["gpus"]))
        self.data = archives.digest(archives.identity(map(Path, self.shards)), *map(Path, self.sources))

    @property
    def device(self) -> str:
        """The device for what follows the training."""
        return "cuda" if self.machine["gpus"] else "cpu"

    def settings_of(self, settings: type, section: str | None = None) -> Any:
        """A dataclass of ``settings`` with the values of a section, by default this stage's own."""
        return settings(**fields_of(settings, self.settings[section or self.section]))

    def usable(self, shapes: Sequence[str], manifest_files: Iterable[str | Path]) -> list[str]:
        """The shapes that all earlier stages could use; raises InputError if they are too few."""
        usable = manifests.usable(shapes, manifest_files, self.shards)
        log.info("%d of %d listed shapes are usable", len(usable), len(shapes))
        if len(usable) < MIN_TRAINING_SHAPES:
            raise InputError(
                f"only {len(usable)} of the {len(shapes)} listed training shapes can be used, but a template takes "
                f"{MIN_TRAINING_SHAPES} at least; `snakemake results/data/failed.csv` says why the others cannot"
            )
        return usable

    def held_out(self, shapes: Sequence[str]) -> list[int]:
        """The indices of the shapes that ``split.validation_share`` holds out.

        Raises InputError if fewer than two shapes would be left to learn from.
        """
        share = self.settings["split"]["validation_share"]
        held_out = splits.held_out(shapes, share, self.settings["seed"])
        if (left := len(shapes) - len(held_out)) < MIN_TRAINING_SHAPES:
            raise InputError(
                f"config: split.validation_share {share} leaves {left} of {len(shapes)} training shapes to learn from, "
                f"but {MIN_TRAINING_SHAPES} are needed at least; set it to 0, or list more shapes"
            )
        if held_out:
            log.info("%d of %d shapes are held out for validation", len(held_out), len(shapes))
        return [index for index, shape in enumerate(shapes) if shape in held_out]

    def augmentation(self, image_size: int, limits: Limits) -> Augmentation:
        """How training images are changed; the user's backgrounds, within ``limits``, are scaled to ``image_size``."""
        values = self.settings["augmentation"]
        folder = values["backgrounds"]
        photos = read_backgrounds(Path(folder), image_size, limits) if folder else None
        return Augmentation(**fields_of(Augmentation, values), photos=photos)

    def fit(self, stage: Stage, title: str) -> list[dict[str, float]]:
        """Train a stage in place, from its checkpoint if it fits; returns the history of ``loop.fit``."""
        section = self.settings[self.section]
        schedule = Schedule.of(section, self.settings["seed"], self.machine["gpus"])
        without_epochs = {key: value for key, value in section.items() if key != "epochs"}  # it may train for more
        checkpoint = Checkpoint(
            Path(self.checkpoint),
            self.machine["checkpoint_minutes"],
            self.machine["keep_checkpoints"],
            settings=self.settings | {self.section: without_epochs},
            data=self.data,
            **self.code,
        )
        stage.micro_batch = self._micro_batch(stage)
        return fit(stage, schedule, title, checkpoint, Path(self.board))

    def _micro_batch(self, stage: Stage) -> int | None:
        """The shapes in a part of a step: the configured ones, or those that fit into the GPU's free memory."""
        if not stage.splits or self.machine["micro_batch"] != "auto":
            return self.machine["micro_batch"] if stage.splits else None
        if not self.memory.reserve:
            return None
        scenes = -(-self.settings[self.section]["scenes_per_batch"] // self.machine["gpus"])
        fit_in = int(scenes * torch.cuda.mem_get_info()[0] / self.memory.reserve)
        if fit_in >= scenes:
            return None
        log.info("a step needs %.1f GB, so it goes in parts of %d shapes", self.memory.reserve / 1e9, max(1, fit_in))
        return max(1, fit_in)


def write_history(file: str | Path, history: list[dict[str, float]]) -> None:
    """Write a training's history as CSV, with one row per epoch."""
    table = pd.DataFrame(history) if history else pd.DataFrame(columns=COLUMNS)
    files.write_text(file, table.to_csv(index=False))
