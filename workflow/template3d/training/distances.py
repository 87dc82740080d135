"""The signed distances of many shapes, to draw random batches from."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from template3d import archives
from template3d.errors import InputError
from template3d.samples import member_name


class Samples:
    """The samples of some shapes in memory, to draw random batches from, half of them inside."""

    def __init__(self, shapes: Sequence[dict[str, np.ndarray]]) -> None:
        """Take each shape's ``pos`` and ``neg``, (N, 4); both must have points."""
        self.sides = []
        for side in ("pos", "neg"):
            counts = torch.tensor([len(shape[side]) for shape in shapes])
            table = torch.from_numpy(np.concatenate([shape[side] for shape in shapes]))
            self.sides.append((table, counts, counts.cumsum(0) - counts))

    def __len__(self) -> int:
        """How many shapes there are."""
        return len(self.sides[0][1])

    @classmethod
    def read(cls, shards: Sequence[Path], synset: str, shapes: Sequence[str]) -> "Samples":
        """Read the samples of ``shapes``, in that order, from shard archives; raises InputError if one is missing."""
        wanted = {member_name(synset, shape): shape for shape in shapes}
        found = {}
        for shard in shards:
            for name, content in archives.members(shard):
                if name in wanted:
                    with np.load(BytesIO(content)) as arrays:
                        found[wanted[name]] = {side: arrays[side] for side in ("pos", "neg")}
        for shape in shapes:
            if shape not in found or not all(len(side) for side in found[shape].values()):
                raise InputError(f"{shape}: no samples on both sides of its surface in {', '.join(map(str, shards))}")
        return cls([found[shape] for shape in shapes])

    def draw(self, shapes: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``count`` samples of each of ``shapes`` (B,), half outside, half inside, mixed.

        Returns points (B, count, 3) in the unit sphere and their signed distances (B, count).
        """
        drawn = []
        for (table, counts, starts), share in zip(self.sides, (count - count // 2, count // 2), strict=True):
            chance = torch.rand(len(shapes), share, generator=generator)
            index = starts[shapes, None] + (chance * counts[shapes, None]).long()
            drawn.append(table[index])
        mixed = torch.cat(drawn, dim=1)[:, torch.randperm(count, generator=generator)]
        return mixed[..., :3], mixed[..., 3]
