"""What coarse-to-fine meshing saves against the dense grid, on trained shapes, and whether the mesh is the same.

    .venv/bin/python benchmarks/isosurface.py                     trains a small network on demo chairs first
    .venv/bin/python benchmarks/isosurface.py --model results/models/chairs/embeddings/model.safetensors

Both sides ask the same network in the same batches and end with the same marching cubes. The last line is JSON.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import trimesh
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.data.sample_sets import Samples
from template3d.geometry import isosurface, meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.networks import models
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings
from template3d.training.loop import fit
from template3d.training.stage import Schedule


def main() -> None:
    """Measure some shapes of a model."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--model", type=Path, help="a trained model")
    arguments.add_argument("--shapes", type=int, default=2)
    arguments.add_argument("--resolution", type=int, default=256, help="fine cells a side, as the paper's")
    arguments.add_argument("--coarse", type=int, default=32)
    arguments.add_argument("--device", default="cpu")
    options = arguments.parse_args()
    decoder, codes = trained(options.model, options.shapes)
    decoder.to(options.device).eval()
    print("| shape | queries | of the dense grid's | seconds | dense | same mesh |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    ratios, seconds, same = [], np.zeros(2), True
    for index, code in enumerate(codes[: options.shapes].to(options.device)):
        found, count, took = measured(decoder, code, options.resolution, options.coarse)
        dense, all_points, dense_took = measured(decoder, code, options.resolution, options.resolution)
        equal = np.array_equal(found.vertices, dense.vertices) and np.array_equal(found.faces, dense.faces)
        ratios.append(count / all_points)
        seconds, same = seconds + (took, dense_took), same and equal and len(found.faces) > 0
        print(
            f"| {index} | {count} | 1/{all_points / count:.1f} | {took:.1f} | {dense_took:.1f} | {equal} |", flush=True
        )
    speedup = round(float(seconds[1] / seconds[0]), 2)
    print(json.dumps({"query_ratio": round(max(ratios), 4), "speedup": speedup, "identical": bool(same)}))


def measured(
    decoder: ImplicitTemplate, code: torch.Tensor, resolution: int, coarse: int
) -> tuple[trimesh.Trimesh, int, float]:
    """The mesh, how many points the network was queried (gradients count three times), and seconds."""
    queries = 0

    def counted(points: torch.Tensor) -> torch.Tensor:
        nonlocal queries
        queries += len(points) * (3 if points.requires_grad else 1)
        return decoder.signed_distance(code[None], points[None].to(code.device))[0]

    start = time.monotonic()
    if resolution == coarse:
        mesh, queries = dense(counted, resolution), (resolution + 1) ** 3
    else:
        mesh = isosurface.reconstruct(counted, resolution, coarse)
    return mesh, queries, time.monotonic() - start


def dense(signed_distance, resolution: int) -> trimesh.Trimesh:
    """Dense: every corner of the grid."""
    axis = -1 + torch.arange(resolution + 1) * (2 / resolution)
    points = torch.cartesian_prod(axis, axis, axis)
    with torch.no_grad():
        values = torch.cat([signed_distance(part).float().cpu() for part in points.split(isosurface.BATCH)])
    return isosurface.zero_surface(values.view((resolution + 1,) * 3), 1.0)


def trained(model: Path | None, shapes: int) -> tuple[ImplicitTemplate, torch.Tensor]:
    """The decoder and codes of a model, or of the demo's network after a minute on some chairs."""
    if model:
        loaded = models.load_model(model)
        return loaded.decoder, loaded.codes.detach()
    found = []
    for shape in demo_shapes.parameters("chairs", max(4, shapes), seed=0):
        mesh = trimesh.util.concatenate([part.mesh for part in demo_meshes.build(shape)])
        unit = meshes.transformed(mesh, Normalization.of(mesh).to_unit(mesh.vertices))
        found.append(sdf.sample_sdf(unit, 50_000, np.random.default_rng(0)))
    torch.manual_seed(0)
    numbers = EmbeddingSettings(
        len(found), 512, learning_rate_warp=4e-3, learning_rate_template=2e-3, learning_rate_codes=1e-2
    )
    loss = LossSettings(1e-4, 2e-5)
    stage = EmbeddingStage(ImplicitTemplate(32, 96, 4, [96] * 5, 0.0), Samples(found), numbers, loss)
    fit(stage, Schedule(800, 300, "bf16"), "a few chairs")
    return stage.decoder, stage.codes.weight.detach()


if __name__ == "__main__":
    main()
