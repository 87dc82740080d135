"""The signed distance samples of many shapes, for random batches."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from template3d.data import archives, samples
from template3d.data.memory import Memory
from template3d.runtime import npz
from template3d.runtime.errors import InputError

log = logging.getLogger(__name__)


class Samples:
    """The samples of some shapes, from which random batches are drawn, half of them inside.

    They are in tables on a GPU or in RAM, or in their files, mapped into memory; all three give the same batches. A
    draw takes, for each shape and side, a window of samples (which are in random order) with a random start.
    """

    def __init__(self, shapes: Sequence[dict[str, np.ndarray]], device: str | None = "cpu") -> None:
        """Copy each shape's ``pos`` and ``neg``, (N, 4), into tables on ``device``; with None, keep the arrays.

        Both sides of a shape must have samples.
        """
        self.device = device
        self.counts = {side: torch.tensor([len(shape[side]) for shape in shapes]) for side in samples.SIDES}
        self.starts = {side: counts.cumsum(0) - counts for side, counts in self.counts.items()}
        self.mapped = shapes if device is None else None
        if device is None:
            return
        self.tables = {side: torch.empty(int(n.sum()), 4, device=device) for side, n in self.counts.items()}
        for side, table in self.tables.items():
            for start, shape in zip(self.starts[side].tolist(), shapes, strict=True):
                table[start : start + len(shape[side])] = torch.from_numpy(np.array(shape[side]))

    def __len__(self) -> int:
        """The number of shapes."""
        return len(self.counts["pos"])

    @classmethod
    def read(cls, shards: Sequence[str | Path], synset: str, shapes: Sequence[str], memory: Memory) -> "Samples":
        """Read the samples of ``shapes``, in that order, from shard archives; ``memory`` decides where they are stored.

        Raises InputError if there are no shapes, if one has no samples on one side or some that are not finite, or if
        an archive is damaged.
        """
        if not shapes:
            raise InputError("no training shape can be used; results/data/failed.csv says why")
        files = list(map(Path, shards))
        members = {samples.member_name(synset, shape): index for index, shape in enumerate(shapes)}
        archive_of = {}
        for shard in files:
            for name, content in archives.members(shard):
                if name in members:
                    _check(content, f"{shard}: {shapes[members[name]]}")
                    archive_of[name] = shard
        mapped: dict[str, dict[str, np.ndarray]] = {}
        for shard in files:
            mapped |= samples.mapped(shard, [name for name, holder in archive_of.items() if holder == shard])
        for shape, name in zip(shapes, members, strict=True):
            if name not in mapped or not all(len(side) for side in mapped[name].values()):
                raise InputError(f"{shape}: no samples on both sides of its surface in {', '.join(map(str, files))}")
        tables = [mapped[name] for name in members]
        size = sum(side.nbytes for arrays in tables for side in arrays.values())
        device = memory.device(size)
        log.info("%.2f GB of samples, %s", size / 1e9, "mapped from their files" if device is None else f"on {device}")
        return cls(tables, device)

    def draw(self, shapes: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``count`` samples of each of ``shapes`` (B,), half outside and half inside, in random order.

        Returns points (B, count, 3) in the unit sphere and their signed distances (B, count).
        """
        sides = []
        for side, share in zip(samples.SIDES, (count - count // 2, count // 2), strict=True):
            counts = self.counts[side][shapes, None]
            start = (torch.rand(len(shapes), 1, generator=generator, dtype=torch.float64) * counts).long()
            index = (start + torch.arange(share)) % counts
            if self.mapped is None:
                rows = self.tables[side][(self.starts[side][shapes, None] + index).to(self.device)]
            else:
                windows = zip(shapes.tolist(), index.numpy(), strict=True)
                rows = torch.from_numpy(np.stack([self.mapped[shape][side][window] for shape, window in windows]))
            sides.append(rows)
        mixed = torch.cat(sides, dim=1)[:, torch.randperm(count, generator=generator)]
        return mixed[..., :3], mixed[..., 3]


def _check(content: bytes, source: str) -> None:
    """Raise InputError, naming ``source``, unless both sides of a shape's npz file are finite float32 (N, 4)."""
    arrays = npz.arrays(content, source)
    for side in samples.SIDES:
        rows = arrays.get(side, np.empty(0))
        if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != 4:
            what = f"{side} is {rows.dtype} {rows.shape}, but must be float32 (N, 4)"
        elif bad := int((~np.isfinite(rows).all(axis=1)).sum()):
            what = f"{bad} of the {len(rows)} samples in {side} are not finite"
        else:
            continue
        raise InputError(f"{source}: {what}; delete the archive, and the next run makes it again")
