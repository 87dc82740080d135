"""Sample the signed distances of a shard's shapes."""

import json
from pathlib import Path

from template3d import archives, logs, manifests, workers
from template3d.stages import sdf

if __name__ == "__main__":
    with logs.to(snakemake.log[0]):
        settings = json.loads(snakemake.params.settings)
        files = {Path(file).parts[-3]: Path(file) for file in snakemake.input.meshes}
        ways = manifests.read([snakemake.input.manifest])

        def make(shapes):
            """The files of shapes."""
            tasks = ((shape, (files[shape], ways[shape], settings)) for shape in shapes)
            return workers.each(sdf.one_shape, tasks)

        code = snakemake.params.code
        wanted = {shape: archives.digest(snakemake.params.settings, code, files[shape]) for shape in ways}
        archives.update(Path(snakemake.output.archive), wanted, make, snakemake.config["on_bad_mesh"])
