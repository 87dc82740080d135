"""How often signs contradict each other on real meshes, and what three remedies cost: the table of docs/sdf.md.

    .venv/bin/python benchmarks/signs.py /data/ShapeNetCore.v2/03001627

Takes every OBJ file below the folder. A contradiction is an inside sample whose distance, with that of the nearest
outside sample, exceeds the distance between them by 2 % and 0.0001. Prints the rows of each mesh, then the table.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import KDTree
from template3d.data import prepared_meshes
from template3d.geometry import consistency, meshes, sdf, visibility
from template3d.geometry.normalization import Normalization
from template3d.runtime import randomness

NEAR_STDS, UNIFORM_SHARE = [0.2, 0.0224], 0.1
"""Those of the demo."""


def main() -> None:
    """Measure every mesh."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--count", type=int, default=100_000, help="samples of a mesh")
    options = arguments.parse_args()
    rows = []
    for file in sorted(options.folder.rglob("*.obj")):
        for row in measured(file, options.count):
            rows.append({"mesh": file.parts[-3]} | row)
            print(
                {key: round(value, 5) if isinstance(value, float) else value for key, value in rows[-1].items()},
                flush=True,
            )
    table = pd.DataFrame(rows).groupby("signs", sort=False)
    shown = table.agg(
        mean=("contradictions", "mean"),
        worst=("contradictions", "max"),
        lost=("lost", "mean"),
        most_lost=("lost", "max"),
    )
    shown["over 0.1 %"] = table["contradictions"].agg(lambda shares: (shares > 0.001).sum())
    print((shown * [100, 100, 100, 100, 1]).round(2).assign(seconds=table["seconds"].sum()).to_markdown())


def measured(file: Path, count: int) -> list[dict]:
    """A row for each treatment of contradictions: their share, the inside samples lost, and the processor seconds."""
    mesh = prepared_meshes.read_file(file).mesh
    unit = meshes.transformed(mesh, Normalization.of(mesh).to_unit(mesh.vertices))
    surface = visibility.visible_surface(meshes.without_doubles(unit), sdf.DIRECTIONS)
    rng = randomness.generator(file.parts[-3], 0, "distances")
    points = sdf.sample_points(surface, count, rng, NEAR_STDS, UNIFORM_SHARE)
    start = time.process_time()
    samples = np.column_stack([points, sdf.signed_distances(unit, points)]).astype(np.float32)
    inside, outside = samples[samples[:, 3] < 0], samples[samples[:, 3] >= 0]
    rows = [row("rays alone", inside, outside, len(inside), start)]
    start = time.process_time()
    rows.append(row("the fewest samples dropped", *consistency.consistent(inside, outside), len(inside), start))
    start = time.process_time()
    wrong = consistency.contradictions(inside, outside)[1].any(axis=1)
    rows.append(row("inside samples dropped", inside[~wrong], outside, len(inside), start))
    start, left = time.process_time(), inside
    while len(left) and wrong.any():
        outside = np.concatenate([outside, np.abs(left[wrong]) * [0, 0, 0, 1] + left[wrong] * [1, 1, 1, 0]])
        left = left[~wrong]
        wrong = consistency.contradictions(left, outside)[1].any(axis=1)
    rows.append(row("outside spreads", left, outside, len(inside), start))
    return rows


def row(signs: str, inside: np.ndarray, outside: np.ndarray, before: int, start: float) -> dict:
    """The measures of one treatment; ``inside`` (M, 4) and ``outside`` (P, 4) are the samples that it keeps."""
    seconds = time.process_time() - start
    apart, nearest = KDTree(outside[:, :3]).query(inside[:, :3])
    wrong = np.abs(inside[:, 3]) + outside[nearest, 3] > 1.02 * apart + 1e-4
    share = float(wrong.mean()) if len(wrong) else 0.0
    return {
        "signs": signs,
        "contradictions": share,
        "lost": 1 - len(inside) / max(before, 1),
        "seconds": round(seconds, 2),
    }


if __name__ == "__main__":
    main()
