"""How often a part carried through the template is right, beside the nearest point in space, on the demo's shapes.

    .venv/bin/python benchmarks/transfer.py        after `make`, in the same folder

For pairs of training shapes of a category: every surface point of the one carries the name of the part that it lies on;
each surface point of the other takes the name of its nearest one, in the template or in the unit sphere. Shapes that
lack a part of the other count as they are. The last line is JSON.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import yaml
from template3d.data import ground_truth, manifests
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.geometry import sdf
from template3d.networks import models
from template3d.reconstruction import correspondence

SYNSETS = {"chairs": "03001627", "sofas": "04256520", "planes": "02691156"}
POINTS = 5000
REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    """Measure every category that has been trained."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--results", type=Path, default=Path("results"))
    arguments.add_argument("--pairs", type=int, default=60, help="pairs of shapes of each category")
    options = arguments.parse_args()
    print("| category | pairs | through the template | nearest point in space |\n| --- | ---: | ---: | ---: |")
    shares = []
    for category, synset in SYNSETS.items():
        found = measured(options.results, category, synset, options.pairs)
        shares.append(found.mean(axis=0))
        print(f"| {category} | {len(found)} | {100 * shares[-1][0]:.1f} % | {100 * shares[-1][1]:.1f} % |", flush=True)
    template, space = np.mean(shares, axis=0)
    print(json.dumps({"share_template": round(float(template), 4), "share_nearest": round(float(space), 4)}))


def measured(results: Path, category: str, synset: str, pairs: int) -> np.ndarray:
    """For each pair (P, 2) the share of points with the right part: through the template, and by space."""
    model = models.load_model(results / f"models/{category}/embeddings/model.safetensors")
    folder = next((results / f"data/{category}").glob("train-*"))
    normalizations = manifests.read([folder / "manifest.json"])
    truths = ground_truth.read([folder / "surface.zip"], synset, model.shapes)
    numbers = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    drawn = demo_shapes.parameters(category, sum(numbers["demo"].values()), seed=numbers["seed"])
    described = {demo_shapes.shape_id(shape): shape for shape in drawn}
    unit, template_coordinates, labels = {}, {}, {}
    for shape, code in zip(model.shapes, model.codes, strict=True):
        points = truths[shape].points[:POINTS]
        unit[shape] = normalizations[shape].to_unit(points)
        template_coordinates[shape] = correspondence.template_coordinates(model.decoder, code, unit[shape])
        labels[shape] = parts(described[shape], points)
    chosen = list(itertools.permutations(model.shapes, 2))
    order = np.random.default_rng(0).permutation(len(chosen))[:pairs]
    found = []
    for source, target in (chosen[index] for index in order):
        carried = [
            correspondence.transferred(points[source], labels[source], points[target])
            for points in (template_coordinates, unit)
        ]
        found.append([float((names == labels[target]).mean()) for names in carried])
    return np.array(found)


def parts(shape: dict, points: np.ndarray) -> np.ndarray:
    """The name of the part (N,) that each of points (N, 3), in ShapeNet's frame, lies on."""
    built = demo_meshes.build(shape)
    distances = [sdf.unsigned_distances(part.mesh, points) for part in built]
    return np.array([part.name for part in built])[np.argmin(distances, axis=0)]


if __name__ == "__main__":
    main()
