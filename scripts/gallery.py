"""The gallery: template, photos, views, ground truth and reconstructions to turn, tables and figures, in one file."""

from pathlib import Path

import pandas as pd
from template3d.data import archives, ground_truth, manifests, photos
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.evaluation.methods import NAMES
from template3d.evaluation.tables import read_metrics
from template3d.jobs.products import Products
from template3d.jobs.sealing import sealed_job
from template3d.report import errors, gallery, gallery_content
from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

with sealed_job(snakemake) as job:
    settings, given, results = snakemake.params.settings, snakemake.input, Path("results")
    page, methods, shapes = Path(snakemake.output.page), settings["methods"], settings["shapes"]
    archive_of, kind = archives.index([Path(shard) for shard in given.views]), settings["kind"]
    products = Products(page)
    products.delete_old()
    downloads = {name: gallery_content.downloads(page.parent, name, methods, shapes[name]) for name in shapes}
    if taken := products.claim(file for of_category in downloads.values() for file in of_category):
        raise InputError(f"{min(taken)}: is no result of this workflow; move it, and run snakemake again")

    def shards(what: str, category: str, split: str) -> list[str]:
        """The files among some input, of the shards of a category's split."""
        return [file for file in given[what] if Path(file).match(f"{category}/{split}-*/*")]

    categories = {}
    for category in settings["categories"]:
        model_category, archive = settings["model_categories"][category], results / "reconstructions" / category
        tables = [results / f"metrics/{category}/{part}_test.csv" for part in (*methods, "baselines")]
        surfaces, manifest_files = shards("surfaces", category, "test"), shards("manifests", category, "test")
        usable = manifests.usable(shapes[category], manifest_files, surfaces)
        content = gallery_content.CategoryContent(
            category,
            page.parent,
            errors.of_fixed_view(pd.concat(map(read_metrics, tables)), kind),
            archive_of,
            PreparedMeshes(shards("meshes", category, "test")),
            ground_truth.read(surfaces, settings["synsets"][category], usable),
            PreparedMeshes(shards("meshes", model_category, "train")),
            manifests.read([*manifest_files, *shards("manifests", model_category, "train")]),
            {method: archive / method / "test.zip" for method in (*methods, "code_fit")},
            kind,
            settings["reconstruct"]["fixed_view"],
        )
        templates = {method: results / "templates" / category / f"{method}.ply" for method in methods}
        part = categories[category] = content.collect(usable, templates)
        photo_files = photos.listed(Path(snakemake.config["photos"]) / category)
        photos_table, limits = results / "photos" / category / "photos.csv", Limits(**snakemake.config["limits"])
        of_photos = settings["photo_methods"][category]
        part["photos"] = content.photo_rows(photo_files, photos_table, of_photos, part["aspect"], limits)
        pictures = {results / f"pictures/{category}{end}.png": caption for end, caption in settings["captions"]}
        part["figures"] = [gallery.figure(file, pictures[file], category) for file in pictures if str(file) in given]
        job.log.info("%s: %d shapes, %d photos", category, len(part["shapes"]), len(part["photos"]))
    data = {"names": NAMES, "methods": methods, "categories": categories}
    tables_md = [(results / f"tables/table{number}.md").read_text() for number in (1, 2)[: len(methods)]]
    files.write_text(page, gallery.page(data, tables_md))
    job.members[page] = products.finished()
    job.log.info("%.1f MB", page.stat().st_size / 1e6)
