"""What signed distances cost and how true they are: `rays` beside `mesh_to_sdf`, the same points of the same meshes.

    .venv/bin/python benchmarks/sdf.py

CPU time of this process, all threads; 500,000 points, drawn as DeepSDF draws them. Prints the table of docs/sdf.md;
the last line is JSON.
"""

import argparse
import json
import multiprocessing
import resource
import time

import numpy as np
import trimesh
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.geometry import meshes, sdf, visibility
from template3d.geometry.normalization import Normalization

THIN = 5e-4
"""Points nearer to the surface than this have no side worth arguing about: the tessellation decides."""


def main() -> None:
    """Measure every mesh with both backends."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--points", type=int, default=500_000)
    options = arguments.parse_args()
    print("| mesh | faces | backend | CPU s | wrong sides % | mean error outside |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    cpu, wrong = {}, []
    for name, (mesh, truth) in cases().items():
        surface = visibility.visible_surface(meshes.without_doubles(mesh), sdf.DIRECTIONS)
        points = sdf.sample_points(surface, options.points, np.random.default_rng(0))
        true = truth(points)
        for backend in ("rays", "mesh_to_sdf"):
            start = time.process_time()
            found = sdf.signed_distances(mesh, points, backend)
            cpu[name, backend] = time.process_time() - start
            clear, outside = np.abs(true) > THIN, true > THIN
            share = 100 * float(((found < 0) != (true < 0))[clear].sum()) / len(points)
            error = float(np.abs(np.abs(found[outside]) - true[outside]).mean())
            print(f"| {name} | {len(mesh.faces)} | {backend} | {cpu[name, backend]:.1f} | {share:.3f} | {error:.5f} |")
            wrong += [share / 100] if backend == "rays" else []
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        peak = pool.apply(peak_megabytes, (options.points,))
    print(f"rays, a mesh of 1.3 million faces: {peak:.0f} MB at most")
    ratio = {name: cpu[name, "mesh_to_sdf"] / cpu[name, "rays"] for name in ("chair", "torus")}
    result = {"cpu_ratio_5k": round(ratio["chair"], 2), "cpu_ratio_100k": round(ratio["torus"], 2)}
    print(json.dumps(result | {"sign_error": round(max(wrong), 6), "peak_mb_1m": round(peak)}))


def cases() -> dict[str, tuple]:
    """Meshes in the unit sphere, each with its true signed distance (inside, only the sign is true)."""
    (shape,) = demo_shapes.parameters("chairs", 1, seed=0)
    parts = [part.mesh for part in demo_meshes.build(shape)]
    normalization = Normalization.of(trimesh.util.concatenate(parts))
    parts = [meshes.transformed(part, normalization.to_unit(part.vertices)) for part in parts]
    solids = [part for part in parts if part.is_watertight]  # convex ones; the others are sheets, without an inside
    chair = fine(trimesh.util.concatenate(solids), 2500)
    return {
        "sphere": (trimesh.creation.icosphere(5, 0.8), lambda points: np.linalg.norm(points, axis=1) - 0.8),
        "sheets": (open_chair(), open_chair_distance),
        "chair": (doubled(chair), lambda points: union_distance(solids, points)),
        "torus": (trimesh.creation.torus(0.6, 0.25, 320, 160), torus_distance),
    }


def doubled(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """Every triangle twice, with opposite winding, as ShapeNet has them."""
    return trimesh.Trimesh(mesh.vertices, np.concatenate([mesh.faces, mesh.faces[:, ::-1]]), process=False)


def fine(mesh: trimesh.Trimesh, faces: int) -> trimesh.Trimesh:
    """The same surface in at least so many faces: the longest are cut first."""
    triangles = mesh.triangles
    while len(triangles) < faces:
        sides = np.linalg.norm(triangles - np.roll(triangles, -1, axis=1), axis=2)
        longest = np.argsort(-sides.max(axis=1))[: min(len(triangles), faces - len(triangles))]
        rest = np.delete(triangles, longest, axis=0)
        triangles = np.concatenate([rest, visibility.halved(triangles[longest], sides[longest].argmax(axis=1))])
    return trimesh.Trimesh(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3), process=False)


SEAT, LEGS = (0.5, 0.06, 0.5), [(x, z) for x in (-0.4, 0.4) for z in (-0.4, 0.4)]


def open_chair() -> trimesh.Trimesh:
    """A seat and four legs with a box hidden in the seat, every other face inside out, and a back of one open sheet."""
    seat = trimesh.creation.box(2 * np.array(SEAT))
    hidden = trimesh.creation.box([0.6, 0.04, 0.6])
    legs = [trimesh.creation.box([0.1, 0.6, 0.1]).apply_translation([x, -0.3, z]) for x, z in LEGS]
    back = trimesh.Trimesh([[-0.5, 0, 0.5], [0.5, 0, 0.5], [0.5, 0.7, 0.5], [-0.5, 0.7, 0.5]], [[0, 1, 2], [0, 2, 3]])
    mesh = trimesh.util.concatenate([seat, hidden, *legs, back])
    faces = mesh.faces.copy()
    faces[::2] = faces[::2, ::-1]
    return trimesh.Trimesh(mesh.vertices, faces, process=False)


def open_chair_distance(points: np.ndarray) -> np.ndarray:
    """True outside and in sign; the sheet has no inside."""
    boxes = [box_distance(points, SEAT)]
    boxes += [box_distance(points - [x, -0.3, z], (0.05, 0.3, 0.05)) for x, z in LEGS]
    solid = np.min(boxes, axis=0)
    sheet = np.linalg.norm(np.maximum(np.abs(points - [0, 0.35, 0.5]) - [0.5, 0.35, 0], 0), axis=1)
    return np.where(solid < 0, solid, np.minimum(solid, sheet))


def box_distance(points: np.ndarray, half: tuple) -> np.ndarray:
    """The signed distance to a box around the origin."""
    beyond = np.abs(points) - half
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)


def torus_distance(points: np.ndarray) -> np.ndarray:
    """The signed distance to a torus around z."""
    return np.hypot(np.linalg.norm(points[:, :2], axis=1) - 0.6, points[:, 2]) - 0.25


def union_distance(solids: list[trimesh.Trimesh], points: np.ndarray) -> np.ndarray:
    """The distance to a union of convex solids, negative inside any of them; true outside and in sign."""
    distances, inside = np.full(len(points), np.inf), np.zeros(len(points), dtype=bool)
    for solid in solids:
        heights = points @ solid.face_normals.T - (solid.face_normals * solid.triangles_center).sum(axis=1)
        inside |= (heights < 0).all(axis=1)
        distances = np.minimum(distances, sdf.unsigned_distances(solid, points))
    return np.where(inside, -distances, distances)


def peak_megabytes(count: int) -> float:
    """The most memory that a process needs for ``count`` distances to a mesh of 1.3 million faces."""
    mesh = trimesh.creation.icosphere(8, 0.8)
    sdf.sample_sdf(mesh, count, np.random.default_rng(0))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
