"""The picture of a category: what was seen, what is true, what was reconstructed; photos too; and its template."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from template3d.data import archives, photos, views
from template3d.geometry import meshes
from template3d.rendering import cameras
from template3d.rendering.blender import Studio
from template3d.report import figures
from template3d.runtime import logs
from template3d.runtime.limits import Limits

SIZE = 320
PHOTOS = 4
"""How many photos are pictured at most."""
PHOTO_SEEN_FROM = cameras.View(42, 24, distance=1.4)
NOTHING = np.full((SIZE, SIZE, 3), 255, np.uint8)
UNIT_SPHERE = 0.5
"""By how much what stands in the unit sphere is scaled to have about ShapeNet's size."""

with logs.to(snakemake.log[0]):
    settings = json.loads(snakemake.params.settings)
    category, kind, index = snakemake.wildcards.category, settings["kind"], settings["reconstruct"]["fixed_view"]
    archive_of = archives.index([Path(shard) for shard in snakemake.input.views])
    truths = {Path(file).parts[-3]: Path(file) for file in snakemake.input.meshes}
    methods = settings["methods"]
    measured = [pd.read_csv(file, dtype={"shape": str}) for file in snakemake.input.metrics]
    fixed = [table[(table["view_kind"] == kind) & (table["views"] == "fixed")] for table in measured]
    chamfer = [table.set_index("shape")["chamfer_shapenet_x1000"] for table in fixed]
    studio = Studio(SIZE, samples=16, threads=snakemake.threads)

    names = {method: "reconstruction" if len(methods) == 1 else method.replace("_", "-") for method in methods}
    rows = {name: [] for name in ("rgb", "ground truth", *names.values())}
    titles = []
    for split in ("train", "test"):
        made = dict(zip(methods, map(Path, snakemake.input[split]), strict=True))
        for shape in settings["shapes"][split]:
            name = f"{shape}/{kind}_fixed_{index:02d}.ply"
            if name not in archives.names(made[methods[0]]):  # a bad mesh; results/data/failed.csv says why
                continue
            view = cameras.described_view(views.read_cameras(archive_of, category, shape, kind), index)
            rows["rgb"].append(np.array(views.read_one(archive_of, category, shape, kind, index)))
            rows["ground truth"].append(studio.picture(meshes.load(truths[shape]), view))
            for method, archive in made.items():
                rows[names[method]].append(studio.picture(meshes.read_ply(archives.read(archive, name)), view))
            values = ", ".join(f"{values[shape]:.2f}" for values in chamfer) if split == "test" else ""
            titles.append(f"{split} {shape[:4]}{': ' * bool(values)}{values}")
    if snakemake.input.photos:
        table = Path(snakemake.input.photos_table)
        status = pd.read_csv(table, index_col="photo")["status"]
        usable = [file for file in map(Path, snakemake.input.photos) if status[file.name] != "unusable"]
        for photo in usable[:PHOTOS]:
            seen = photos.read(photo, Limits(**snakemake.config["limits"])).image
            rows["rgb"].append(np.array(seen.resize((SIZE, SIZE))))
            rows["ground truth"].append(NOTHING)
            for method in methods:
                file = photos.product(table.parent, photo, method, methods, ".ply")
                mesh = meshes.read_ply(file.read_bytes()).apply_scale(UNIT_SPHERE) if file.exists() else None
                rows[names[method]].append(NOTHING if mesh is None else studio.picture(mesh, PHOTO_SEEN_FROM))
            titles.append(f"photo {photo.stem:.12}")
    figures.picture_rows(Path(snakemake.output.picture), rows, titles)

    turns = {"front": (0, 15), "left": (90, 15), "back": (180, 15), "above": (40, 30)}
    rows = {}
    for method, file in zip(methods, snakemake.input.templates, strict=True):
        template = meshes.read_ply(Path(file).read_bytes())
        template.apply_scale(UNIT_SPHERE)
        seen = [studio.picture(template, cameras.View(*turn, distance=1.4)) for turn in turns.values()]
        rows["template" if len(methods) == 1 else names[method]] = seen
    figures.picture_rows(Path(snakemake.output.template), rows, list(turns))
