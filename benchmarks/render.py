"""How fast views are made, beside the plain recipe: a process for each shape, 128 samples, denoiser on.

    .venv/bin/python benchmarks/render.py

Renders demo shapes at 224 x 224 as the workflow does, by worker processes; start-up is left out on both sides. Then
shows one worker many shapes and looks at its memory. The last line is JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import psutil
from template3d.data import prepared_meshes
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.data.mesh_folders import Location
from template3d.jobs import render
from template3d.rendering import cameras
from template3d.runtime import workers

SIZE = 224
VIEWS = {"image_size": SIZE, "samples": 4, "passes": ["rgb"], "engine": "cycles", "device": "cpu"}
PLAIN_SAMPLES = 128


def main() -> None:
    """Measure, or, with ``--plain``, be the plain recipe for one shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=int, default=8, help="shapes of each category")
    parser.add_argument("--views", type=int, default=50, help="views of a shape")
    parser.add_argument("--plain-views", type=int, default=8, help="views of a shape by the plain recipe")
    parser.add_argument("--memory-shapes", type=int, default=500, help="shapes that one worker shows")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        print(plain(options.plain, options.plain_views, options.threads))
        return
    with tempfile.TemporaryDirectory() as folder:
        shapes = write_shapes(Path(folder), options.shapes)
        files = [shape.file for shape in shapes]
        ours = views_per_second(shapes, options.views, options.threads)
        print(f"ours: {ours:.1f} views a second", flush=True)
        command = [
            sys.executable,
            __file__,
            "--plain-views",
            options.plain_views,
            "--threads",
            options.threads,
            "--plain",
        ]
        runs = [
            subprocess.run([*map(str, command), file], capture_output=True, text=True, check=True)
            for file in files[::4]
        ]
        rates = [float(run.stdout.split()[-1]) for run in runs]
        theirs = len(rates) / sum(1 / rate for rate in rates)
        print(f"plain recipe: {theirs:.2f} views a second", flush=True)
        first, last = memory(shapes, options.memory_shapes)
    print(f"memory of a worker: {first:.0f} MB after 20 shapes, {last:.0f} MB after {options.memory_shapes}")
    result = {"views_per_second": round(ours, 1), "speedup_over_plain": round(ours / theirs, 1)}
    print(json.dumps(result | {"memory_ratio": round(last / first, 3)}))


class Shape(NamedTuple):
    """A prepared mesh in an archive, and the file that it was prepared from."""

    archive: Path
    member: str
    file: Path


def write_shapes(folder: Path, count: int) -> list[Shape]:
    """Write demo shapes in ShapeNet's layout, and prepare them."""
    archive, shapes = folder / "meshes.zip", []
    with zipfile.ZipFile(archive, "w") as prepared:
        for category in demo_shapes.FAMILIES:
            for shape in demo_shapes.parameters(category, count, seed=0):
                models = folder / category / demo_shapes.shape_id(shape) / "models"
                demo_meshes.write(shape, models)
                file = models / "model_normalized.obj"
                shapes.append(Shape(archive, prepared_meshes.member_name(category, models.parent.name), file))
                prepared.writestr(shapes[-1].member, prepared_meshes.read_file(file).to_bytes())
    return shapes


def views_per_second(shapes: list[Shape], count: int, threads: int, device: str = "cpu") -> float:
    """Views a second of all shapes but the first, during which Blender starts."""
    settings = {"seed": 0, "views": VIEWS | {"easy": count, "device": device}}
    tasks = ((shape.member, arguments(shape, threads, settings)) for shape in shapes)
    made, start = 0, 0.0
    for _, result in workers.each(render.one_shape, tasks):
        if start:
            made += len(result) - 1
        start = start or time.monotonic()
    return made / (time.monotonic() - start)


def arguments(shape: Shape, threads: int, settings: dict) -> tuple:
    """Those of ``render.one_shape``."""
    return "shapes", "easy", shape.archive, shape.member, Location(shape.file), threads, settings


def memory(shapes: list[Shape], count: int) -> tuple[float, float]:
    """Megabytes of a worker after 20 shapes, and of the worker that shows the last of ``count``."""
    settings = {"seed": 0, "views": VIEWS | {"easy": 1}}
    tasks = ((str(index), (shapes[index % len(shapes)], settings)) for index in range(count))
    used = [found for _, found in workers.each(megabytes_after, tasks)]
    return used[19], used[-1]


def megabytes_after(shape: Shape, settings: dict) -> float:
    """Render one view of a shape, in a worker; its memory after that."""
    render.one_shape(*arguments(shape, 2, settings))
    return psutil.Process().memory_info().rss / 2**20


def plain(file: Path, count: int, threads: int) -> float:
    """The plain recipe for one shape: imported as it is, lit by lamps, denoised; views a second, start-up left out."""
    import bpy
    import numpy as np
    from mathutils import Matrix, Vector

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", PLAIN_SAMPLES, True
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    bpy.ops.wm.obj_import(filepath=str(file), forward_axis="Y", up_axis="Z")
    scene.world = bpy.data.worlds.new("white")
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    for direction in ((-0.6, 1.0, -0.8), (0.8, 0.5, -0.5), (0.3, 0.7, 1.0)):
        sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
        sun.rotation_euler = Vector(direction).to_track_quat("Z", "Y").to_euler()
        scene.collection.objects.link(sun)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.lens, camera.data.sensor_width = cameras.LENS_MM, cameras.SENSOR_MM
    scene.collection.objects.link(camera)
    scene.camera = camera
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for index in range(count):
            view = cameras.View(360 * index / count, 25, 1.5)
            camera_to_world = np.linalg.inv(np.vstack([view.world_to_camera(), [0, 0, 0, 1]]))
            camera.matrix_world = Matrix((camera_to_world @ np.diag([1, -1, -1, 1])).tolist())
            scene.render.filepath = f"{folder}/{index}.png"
            bpy.ops.render.render(write_still=True)
    return count / (time.monotonic() - start)


if __name__ == "__main__":
    main()
