"""Views of test shapes as photos to try: for a demo, real photos are of little use."""

from collections.abc import Iterable
from pathlib import Path

from template3d.data import archives

EACH = 2
"""Examples of a category."""
VIEW = "/easy/image_rgb/00.png"
"""The end of a member's name."""


def written(models: Path, categories: Iterable[str], folder: Path) -> list[Path]:
    """Write views of the test shapes in ``results/data``, beside ``models``, into a folder; none if they are not there.

    Raises InputError if an archive is damaged.
    """
    files = []
    for category in categories:
        shards = sorted(models.resolve().parent.glob(f"data/{category}/test-*/easy.zip"))
        members = [(shard, name) for shard in shards for name in sorted(archives.names(shard)) if name.endswith(VIEW)]
        for shard, name in members[:EACH]:
            file = folder / f"{category}_{name.split('/')[1][:8]}.png"
            file.write_bytes(archives.read(shard, name))
            files.append(file)
    return files
