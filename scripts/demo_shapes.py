"""Write the built-in shapes as a folder in the ShapeNetCore.v2 layout."""

from pathlib import Path

from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.data.mesh_folders import MeshFolder
from template3d.jobs.sealing import sealed_job

with sealed_job(snakemake) as job:
    settings = snakemake.params.settings
    folder = MeshFolder(Path(snakemake.output.meshes[0]).parents[3])
    count = settings["demo"]["train"] + settings["demo"]["test"]
    for category, synset in settings["synsets"].items():
        for shape in demo_shapes.parameters(category, count, settings["seed"]):
            file = folder.mesh_file(synset, demo_shapes.shape_id(shape))
            demo_meshes.write(shape, file.parent)
        job.log.info("%s: %d shapes in %s", category, count, folder.root)
