"""The page of shapes to turn: template, views, truth and reconstructions, tables and figures, in one file."""

import json
from pathlib import Path

import pandas as pd
from template3d.data import archives, shapenet, views
from template3d.evaluation.tables import MEASURE
from template3d.geometry import meshes
from template3d.report import gallery
from template3d.runtime import files, logs

FIGURES = {"": "views, truth, reconstructions", "_template": "template", "_losses": "losses", "_codes": "codes"}
FIGURES |= {"_errors": "errors", "_worst": "worst shapes", "_angles": "error against view angle"}
NAMES = {"two_phase": "two-phase", "end_to_end": "end-to-end"}

with logs.to(snakemake.log[0]) as log:
    settings = json.loads(snakemake.params.settings)
    methods, kind, view = settings["methods"], settings["kind"], settings["reconstruct"]["fixed_view"]
    truths = {shapenet.ids(Path(file)): Path(file) for file in snakemake.input.meshes}
    archive_of = archives.index([Path(shard) for shard in snakemake.input.views])
    categories = {}
    for category, synset in settings["synsets"].items():
        folder = Path("results/reconstructions") / category
        made = {method: folder / method / "test.zip" for method in methods}
        errors = {}
        for method in methods:
            table = pd.read_csv(f"results/metrics/{category}/{method}_test.csv", dtype={"shape": str})
            table = table[(table["views"] == "fixed") & (table["view_kind"] == kind)]
            errors[method] = table.set_index("shape")[MEASURE].dropna().to_dict()
        shapes = []
        for shape in settings["shapes"][category]:
            name = f"{shape}/{kind}_fixed_{view:02d}.ply"
            found = {
                method: gallery.model(meshes.read_ply(archives.read(archive, name)))
                for method, archive in made.items()
                if name in archives.names(archive)
            }
            if not found:  # a bad mesh; results/data/failed.csv says why
                continue
            image = gallery.source(views.read_bytes(archive_of, category, shape, kind, view))
            truth = gallery.model(meshes.load(truths[synset, shape]))
            of_shape = {method: errors[method][shape] for method in methods if shape in errors[method]}
            shapes.append({"name": shape, "view": image, "truth": truth, "meshes": found, "errors": of_shape})
        templates = {}
        for method in methods:
            mesh = meshes.read_ply(Path(f"results/templates/{category}/{method}.ply").read_bytes())
            templates[method] = gallery.model(meshes.transformed(mesh, mesh.vertices / 2))
        pictures = [
            {"name": name, "source": gallery.source(Path(f"results/pictures/{category}{end}.png").read_bytes())}
            for end, name in FIGURES.items()
        ]
        categories[category] = {"templates": templates, "shapes": shapes, "figures": pictures}
    tables = {
        f"Table {number}": pd.read_csv(f"results/tables/table{number}.csv").query("measure == @MEASURE").round(3)
        for number in (1, 2)
    }
    data = {"names": {method: NAMES[method] for method in methods}, "categories": categories}
    files.write_text(snakemake.output.page, gallery.page(data, tables))
    log.info("%.1f MB", Path(snakemake.output.page).stat().st_size / 1e6)
