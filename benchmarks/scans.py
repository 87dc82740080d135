"""How near a code fitted to a scan comes to the shape: the whole surface or one side, noise, unknown size and turn.

    .venv/bin/python benchmarks/scans.py        after `make`, in the same folder

The shapes are test shapes of the demo. A complete scan is 5,000 points of the ground truth; a scan of one side is what
a depth camera of 96 x 96 pixels sees from the first easy view. Noise is added to each coordinate, as a share of the
shape's diagonal. An unknown placement is a random turn, size and position. The last line is JSON.
"""

import argparse
import json
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from template3d.data import archives, ground_truth, manifests, scans, views
from template3d.data.ground_truth import Truth
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.data.scans import Scan
from template3d.evaluation import metrics
from template3d.evaluation.methods import BASELINES
from template3d.geometry import meshes, visibility
from template3d.geometry.placement import Placement, turn
from template3d.networks import models
from template3d.reconstruction import inference
from template3d.reconstruction import scan as scan_fit
from template3d.rendering import cameras

SYNSETS = {"chairs": "03001627", "sofas": "04256520", "planes": "02691156"}
POINTS, PIXELS = 5000, 96
SHOWN = ("code_fit", "nearest_oracle", "template_only")


class Kind(NamedTuple):
    """A kind of scan."""

    one_side: bool = False
    normals: bool = False
    sensor: bool = False
    noise: float = 0.0
    align: tuple[str, ...] = ()


KINDS = {
    "complete": Kind(),
    "complete, normals": Kind(normals=True),
    "complete, noise 1 %": Kind(noise=0.01),
    "complete, noise 2 %": Kind(noise=0.02),
    "complete, size and turn unknown": Kind(align=scans.ALIGN),
    "one side": Kind(one_side=True),
    "one side, sensor": Kind(one_side=True, sensor=True),
    "one side, sensor, normals": Kind(one_side=True, sensor=True, normals=True),
    "one side, sensor, noise 1 %": Kind(one_side=True, sensor=True, noise=0.01),
    "one side, sensor, noise 2 %": Kind(one_side=True, sensor=True, noise=0.02),
    "one side, sensor, size and turn unknown": Kind(one_side=True, sensor=True, align=scans.ALIGN),
}


def main() -> None:
    """Measure every kind of scan."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--results", type=Path, default=Path("results"))
    arguments.add_argument("--shapes", type=int, default=8, help="test shapes of each category")
    arguments.add_argument("--categories", nargs="+", default=list(SYNSETS))
    arguments.add_argument("--kinds", nargs="+", default=list(KINDS))
    arguments.add_argument("--set", default="{}", help="settings of the fit, as JSON, to try others")
    arguments.add_argument("--each", action="store_true", help="also print each shape's value")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    settings = scan_fit.ScanSettings(**json.loads(options.set))
    categories = [Category(options.results, name, options.shapes) for name in options.categories]
    print(f"| | {' | '.join(options.categories)} |\n| --- |{' ---: |' * len(categories)}", flush=True)
    rows = {}
    for method in SHOWN:
        rows[BASELINES[method]] = [category.baseline(method) for category in categories]
        print(_row(BASELINES[method], rows[BASELINES[method]]), flush=True)
    start, fits = time.process_time(), 0
    for kind in options.kinds:
        values = [category.values(KINDS[kind], settings) for category in categories]
        rows[kind], fits = [float(np.mean(part)) for part in values], fits + sum(map(len, values))
        print(
            _row(kind, rows[kind]), [np.round(part, 2).tolist() for part in values] if options.each else "", flush=True
        )
    print(f"{(time.process_time() - start) / fits:.1f} s of processor time for each fit and its measure")
    print(json.dumps(rows))


def _row(name: str, values: list[float]) -> str:
    return f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} |"


class Category:
    """A trained category with its first test shapes."""

    def __init__(self, results: Path, name: str, shapes: int) -> None:
        """Read the model and the ground truth."""
        folder = results / f"data/{name}/test-00"
        self.name, self.model = name, models.load_model(results / f"models/{name}/two_phase/model.safetensors")
        table = pd.read_csv(results / f"metrics/{name}/baselines_test.csv")
        self.baselines = table[table["shape"].isin(table["shape"].unique()[:shapes])]
        self.truths = ground_truth.read([folder / "surface.zip"], SYNSETS[name], list(self.baselines["shape"].unique()))
        self.normalizations = manifests.read([folder / "manifest.json"])
        self.meshes = PreparedMeshes([folder / "meshes.zip"])
        self.cameras = archives.index([folder / "easy.zip"])

    def baseline(self, method: str) -> float:
        """The mean Chamfer distance x 1000 of a baseline."""
        return float(self.baselines.loc[self.baselines["method"] == method, "chamfer_shapenet_x1000"].mean())

    def values(self, kind: Kind, settings: scan_fit.ScanSettings) -> list[float]:
        """The Chamfer distance x 1000 of each shape, of a code fitted to a scan of it."""
        return [self._value(shape, kind, settings) for shape in self.truths]

    def _value(self, shape: str, kind: Kind, settings: scan_fit.ScanSettings) -> float:
        rng = np.random.default_rng(int(shape[:8], 16))
        scan, sensor = self._scan(shape, kind, rng)
        normalization = self.normalizations[shape]
        placed = Placement(np.eye(3), normalization.scale, normalization.scale * normalization.offset)
        if kind.align:
            size, angle = float(np.exp(rng.normal())), float(rng.uniform(-180, 180))
            placed = Placement(turn(angle), size, rng.normal(size=3))
        moved = placed.to_unit(scan.points)
        normals = scan.normals @ placed.rotation.T if kind.normals else None
        seen_from = placed.to_unit(sensor[None])[0] if kind.sensor else None
        decoder, codes = self.model.decoder, self.model.codes
        generator = torch.Generator().manual_seed(0)
        fit = scan_fit.fit_scan(decoder, codes, Scan(moved, normals), generator, seen_from, kind.align, settings)
        (mesh,) = inference.meshes_of(decoder, fit.code[None], resolution=72, coarse=18)
        if not len(mesh.faces):
            raise SystemExit(f"{shape}: the fitted code has no surface")
        mesh = meshes.transformed(mesh, placed.from_unit(fit.placement.from_unit(mesh.vertices)))
        points, _ = meshes.sample_surface(mesh, 10_000, np.random.default_rng(0))
        return 1000 * metrics.chamfer(points, self.truths[shape].points)

    def _scan(self, shape: str, kind: Kind, rng: np.random.Generator) -> tuple[Scan, np.ndarray]:
        """A scan in ShapeNet's frame, with normals, and the position (3,) of the camera."""
        view = cameras.described_view(views.read_cameras(self.cameras, self.name, shape, "easy"), 0)
        pose = view.world_to_camera()
        sensor = -pose[:, :3].T @ pose[:, 3]
        scan = _seen(self.meshes[shape], pose, sensor) if kind.one_side else _drawn(self.truths[shape], rng)
        return scan._replace(points=scan.points + kind.noise * rng.normal(size=scan.points.shape)), sensor


def _drawn(truth: Truth, rng: np.random.Generator) -> Scan:
    rows = rng.permutation(len(truth.points))[:POINTS]
    return Scan(truth.points[rows], truth.normals[rows])


def _seen(mesh, pose: np.ndarray, sensor: np.ndarray) -> Scan:
    """What a depth camera with a pose (3, 4) at ``sensor`` sees of a mesh."""
    rows, columns = np.mgrid[:PIXELS, :PIXELS] + 0.5
    rays = np.stack([columns, rows, np.ones_like(rows)], axis=-1).reshape(-1, 3)
    rays = (rays @ np.linalg.inv(cameras.intrinsics(PIXELS)).T @ pose[:, :3]).astype(np.float32)
    depth, normals = visibility.Scene(mesh).first_hits(np.broadcast_to(sensor, rays.shape).astype(np.float32), rays)
    hit = np.isfinite(depth)
    return Scan(sensor + depth[hit, None] * rays[hit], normals[hit])


if __name__ == "__main__":
    main()
