"""Render the easy or the hard views of a shard's shapes."""

import json
import tempfile
from pathlib import Path

from template3d import archives, cameras, logs, manifests, meshes, shapenet, views
from template3d.blender import Studio

with logs.to(snakemake.log[0]) as log:
    category, kind = snakemake.wildcards.category, snakemake.wildcards.kind
    settings = json.loads(snakemake.params.settings)
    files = {Path(file).parts[-3]: Path(file) for file in snakemake.input.meshes}
    materials = {shape: [] for shape in files}
    for file in map(Path, snakemake.input.materials):
        materials[file.parts[-3]].append(file)
    studio = Studio(settings["image_size"], settings["samples"], snakemake.threads)

    def make(shape: str) -> dict[str, bytes]:
        """The views of one shape and their cameras."""
        rng = shapenet.generator(shape, settings["seed"], f"{kind} views")
        vertices = meshes.used_vertices(meshes.load(files[shape]))
        drawn = cameras.views(kind, vertices, settings["count"], settings["image_size"], rng)
        described = cameras.describe(drawn, settings["image_size"])
        made = {views.cameras_name(category, shape, kind): json.dumps(described, indent=1).encode()}
        studio.show_obj(files[shape])
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder) / "view.png"
            for index, view in enumerate(drawn):
                studio.render(view, image)
                made[views.member_name(category, shape, kind, index)] = image.read_bytes()
        return made

    wanted = {
        shape: archives.digest(snakemake.params.settings, snakemake.params.code, files[shape], *materials[shape])
        for shape in manifests.read([snakemake.input.manifest])
    }
    archives.update(Path(snakemake.output.archive), wanted, make)
