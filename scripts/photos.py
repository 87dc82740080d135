"""Reconstruct what the user's photos of a category show, by every method, and picture the results side by side."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from template3d.data import photos
from template3d.networks import models
from template3d.reconstruction.photo import WRITERS, reconstruct_photo
from template3d.rendering import previews
from template3d.report import figures
from template3d.runtime import files, logs
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

SIZE = 256
TURNS = {"from the front": 42.0, "from behind": 200.0}
"""Azimuths, in degrees."""

with logs.to(snakemake.log[0]) as log:
    torch.set_num_threads(snakemake.threads)
    settings = json.loads(snakemake.params.settings)
    loaded = [models.load_model(Path(file)) for file in snakemake.input.models]
    rows, limits = [], Limits(**snakemake.config["limits"])
    folder, methods = Path(snakemake.output.table).parent, settings["methods"]
    for old in folder.glob("*"):  # of photos that are gone, or show nothing any more
        if old.suffix in (".png", ".pdf", *WRITERS):
            old.unlink()
    for file in map(Path, snakemake.input.photos):
        picture = folder / f"{file.stem}.png"
        try:
            if picture.exists():
                raise InputError(f"{file}: another photo has the same name but for its ending; rename one")
            made = [reconstruct_photo(model, file, **settings["meshing"], limits=limits) for model in loaded]
        except InputError as error:
            log.warning("skipped: %s", error)
            rows.append({"photo": file.name, "status": "unusable", "reason": str(error)})
            if not picture.exists():
                figures.message(picture, f"{file.name}: not usable\n{error}")
            continue
        seen = made[0][1]
        shown = {"as the encoder sees it": [np.array(seen.image.resize((SIZE, SIZE)))]}
        for method, (mesh, _) in zip(methods, made, strict=True):
            for suffix, write in WRITERS.items() if len(mesh.faces) else ():
                with files.whole(photos.product(folder, file, method, methods, suffix)) as beside:
                    beside.write_bytes(write(mesh))
            for turn, azimuth in TURNS.items():
                grey = previews.shaded(mesh, SIZE, azimuth)
                shown[f"{method.replace('_', '-')}, {turn}"] = [np.repeat(grey[..., None], 3, axis=2)]
        figures.picture_rows(picture, {"": [image for images in shown.values() for image in images]}, list(shown))
        empty = [method for method, (mesh, _) in zip(methods, made, strict=True) if not len(mesh.faces)]
        status = f"no surface by {', '.join(empty)}" if empty else "ok"
        rows.append({"photo": file.name, "status": status, "background": seen.background})
        log.info("%s: %s, background: %s", file, status, seen.background)
    columns = ["photo", "status", "background", "reason"]
    files.write_text(snakemake.output.table, pd.DataFrame(rows, columns=columns).to_csv(index=False))
