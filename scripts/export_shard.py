"""Unzip a shard into the original's layouts, and delete the files of shapes that are gone."""

import zipfile
from pathlib import Path, PurePosixPath

from template3d.data import archives
from template3d.runtime import files, logs
from template3d.runtime.errors import InputError

with logs.to(snakemake.log[0]) as log:
    listing = Path(snakemake.output.listing)
    folder = listing.parent
    before = set(listing.read_text().splitlines()) if listing.exists() else set()
    exported = []
    for archive in map(Path, snakemake.input):
        names = archives.names(archive) - {archives.FAILED}
        # what has no folder would lie among the listings
        if strange := sorted(name for name in names if len(PurePosixPath(name).parts) < 2):
            raise InputError(f"{archive}: {strange[0]} is no file of a shape; delete the archive, and run again")
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder, names)
        exported += sorted(names)
    for gone in filter(archives.is_inside, before - set(exported)):
        (folder / gone).unlink(missing_ok=True)
    files.write_text(listing, "\n".join(exported) + "\n")
    log.info("%d files in %s", len(exported), folder)
