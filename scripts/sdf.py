"""Sample the signed distances of a shard's shapes."""

from pathlib import Path

from template3d.jobs import sdf, shard
from template3d.jobs.sealing import sealed_job
from template3d.runtime.limits import Limits

if __name__ == "__main__":
    with sealed_job(snakemake):
        shard.update_archive(
            Path(snakemake.output.archive),
            sdf.one_shape,
            Path(snakemake.input.meshes),
            Path(snakemake.input.manifest),
            snakemake.params.settings,
            snakemake.params.code,
            snakemake.config["on_bad_mesh"],
            Limits(**snakemake.config["limits"]),
        )
