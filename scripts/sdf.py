"""Sample the signed distances of a shard's shapes."""

from pathlib import Path

from template3d.jobs import sdf, shard
from template3d.runtime import logs

if __name__ == "__main__":
    with logs.to(snakemake.log[0]):
        shard.update_archive(
            Path(snakemake.output.archive),
            sdf.one_shape,
            Path(snakemake.input.meshes),
            Path(snakemake.input.manifest),
            snakemake.params.settings,
            snakemake.params.code,
            snakemake.config["on_bad_mesh"],
        )
