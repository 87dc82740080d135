"""Unzip a shard into the original's layouts, and delete the files of shapes that are gone."""

import zipfile
from pathlib import Path

from template3d.data import archives
from template3d.jobs.sealing import sealed_job
from template3d.runtime import files, seals

with sealed_job(snakemake) as job:
    listing = Path(snakemake.output.listing)
    folder = listing.parent
    is_ours = listing.exists() and not seals.flaw(listing, str(listing))
    before = set(listing.read_text().splitlines()) if is_ours else set()
    exported = []
    for archive in map(Path, snakemake.input):
        names = archives.names(archive) - {archives.FAILED}
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder, names)
        exported += sorted(names)
    for gone in filter(archives.is_inside, before - set(exported)):
        (folder / gone).unlink(missing_ok=True)
    files.write_text(listing, "\n".join(exported) + "\n")
    job.log.info("%d files in %s", len(exported), folder)
