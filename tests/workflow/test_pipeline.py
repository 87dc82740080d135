"""The real DAG, from demo shapes to tables and pictures, on micro shapes."""

import dataclasses
import json
import shutil
import zipfile
from io import BytesIO

import numpy as np
import pandas as pd
import torch
import trimesh
from PIL import Image
from pipeline import copied, snakemake
from template3d.evaluation import metrics, tables
from template3d.networks import models
from template3d.runtime import seals

COLUMNS = ["category", "method", "views", "measure", "mean", "median", "scored", "listed"]
COLUMNS += ["mean_low", "mean_high", "mean_of_successes", "failed"]
COLUMNS += ["difference", "difference_low", "difference_high", "better", "compared"]


def test_table1_has_every_category_method_and_view_choice(micro):
    table = pd.read_csv(micro / "results/tables/table1.csv")
    assert list(table.columns) == COLUMNS
    chamfer = table[table["measure"] == "chamfer_shapenet_x1000"]
    views = chamfer.groupby("method")["views"].agg(set)
    seen = {"fixed", "random", "hard_fixed", "hard_random"}
    blind = {method: {"fixed", "random"} for method in ("template_only", "train_average", "nearest_oracle", "code_fit")}
    assert views.to_dict() == {"two_phase": seen, "nearest_code": seen} | blind
    assert len(chamfer) == 2 * (2 * 4 + 4 * 2)
    assert set(table["measure"]) == set(tables.MEASURES)
    assert (table["listed"] == 2).all()
    assert (table["scored"] == 2).all()
    assert (chamfer["mean"] > 0).all()
    assert (table["mean_low"] <= table["mean"] + 1e-9).all()
    assert (table["mean"] <= table["mean_high"] + 1e-9).all()
    by_method = chamfer.groupby(["category", "method"])["mean"].min()
    for category in ("chairs", "planes"):  # nothing in the training set is nearer than the nearest
        assert by_method[category, "nearest_oracle"] <= by_method[category, "nearest_code"] + 0.05
        assert by_method[category, "nearest_oracle"] <= by_method[category, "train_average"]
    markdown = (micro / "results/tables/table1.md").read_text()
    assert "Reconstruction from one view (two-phase)" in markdown
    assert "DISN, as quoted there" in markdown
    assert "\\toprule" in (micro / "results/tables/table1.tex").read_text()


def test_the_protocol_names_the_stages_behind_table1(micro):
    protocol = json.loads((micro / "results/tables/protocol.json").read_text())
    stages = protocol["stages"]
    assert stages.keys() >= {"prepare", "render", "sdf", "surface", "train_embeddings", "train_encoder", "evaluate"}
    assert stages["surface"]["settings"]["surface"]["points"] == 500
    assert stages["render"]["settings"]["views"] | {"easy": 3, "hard": 2} == stages["render"]["settings"]["views"]
    assert protocol["shapes"]["planes"] == {"listed": 2, "scored": 2, "reconstructions": 12, "without_surface": 0}
    assert protocol["splits"]["chairs"]["train"]["count"] == 4
    assert protocol["deleted_since"] == []


def test_table2_has_both_variants_on_the_same_shapes(micro):
    one, two = (pd.read_csv(micro / f"results/tables/table{number}.csv") for number in (1, 2))
    assert list(one.columns) == list(two.columns)
    assert set(two["method"]) == {"two_phase", "end_to_end"}
    assert (two["scored"] == 2).all()
    both = one[one["method"] == "two_phase"].merge(two, on=["category", "method", "views", "measure"])
    assert len(both) == 2 * 4 * len(tables.MEASURES)
    assert (both["mean_x"] == both["mean_y"]).all()


def test_every_reconstruction_has_every_measure(micro):
    table = pd.read_csv(micro / "results/metrics/planes/two_phase_test.csv")
    assert len(table) == 2 * 2 * (1 + 2)  # shapes, kinds, the fixed view and two random ones
    assert table[list(metrics.MEASURES)].notna().all(axis=None)
    assert set(table["status"]) <= {"ok", "no surface"}
    assert (table["seconds"] > 0).all()
    fixed = table[table["views"] == "fixed"]
    assert (fixed["view"] == 1).all()
    assert table.groupby(["shape", "view_kind", "views"])["view"].nunique().max() == 2
    with zipfile.ZipFile(micro / "results/reconstructions/planes/two_phase/test.zip") as archive:
        whole = table[(table["status"] == "ok") & (table["views"] == "fixed")]
        glbs = [name for name in archive.namelist() if name.endswith(".glb")]
        assert len(glbs) == len(whole)
        for name in glbs:
            glb = trimesh.load(BytesIO(archive.read(name)), file_type="glb", force="mesh", process=False)
            ply = trimesh.load(BytesIO(archive.read(name.replace(".glb", ".ply"))), file_type="ply", process=False)
            np.testing.assert_allclose(glb.bounds, ply.bounds, atol=1e-6)


def test_pictures_show_something(micro):
    for category in ("chairs", "planes"):
        for name in ("", "_template", "_losses", "_codes", "_errors", "_worst", "_angles"):
            file = micro / f"results/pictures/{category}{name}.png"
            picture = np.array(Image.open(file).convert("L"))
            assert min(picture.shape) > 150
            assert picture.std() > 5
            assert file.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_archives_unzip_to_the_layouts_that_the_field_reads(micro):
    names = {"easy.zip": [], "sdf.zip": [], "surface.zip": []}
    for archive in micro.glob("results/data/chairs/train-*/*.zip"):
        if archive.name in names:
            names[archive.name] += zipfile.ZipFile(archive).namelist()
    shapes = models.load_model(micro / "results/models/chairs/two_phase/model.safetensors").shapes
    assert len(shapes) == 4
    for shape in shapes:
        assert {f"chairs/{shape}/easy/image_rgb/{index:02d}.png" for index in range(3)} <= set(names["easy.zip"])
        assert f"SdfSamples/ShapeNetV2/03001627/{shape}.npz" in names["sdf.zip"]
        assert f"SurfaceSamples/ShapeNetV2/03001627/{shape}.ply" in names["surface.zip"]
        assert f"NormalizationParameters/ShapeNetV2/03001627/{shape}.npz" in names["surface.zip"]


def test_samples_fit_the_mesh_that_they_come_from(micro):
    with zipfile.ZipFile(next(micro.glob("results/data/planes/train-*/sdf.zip"))) as archive:
        name = archive.namelist()[0]
        samples = np.load(BytesIO(archive.read(name)))
    surfaces = micro / "results/data/planes/train-00/surface.zip"
    with zipfile.ZipFile(surfaces) as archive:
        points = archive.read(name.replace("SdfSamples", "SurfaceSamples").replace("npz", "ply"))
        normalization = np.load(BytesIO(archive.read(name.replace("SdfSamples", "NormalizationParameters"))))
    unit = (trimesh.load(BytesIO(points), file_type="ply").vertices + normalization["offset"]) * normalization["scale"]
    assert samples["pos"].dtype == samples["neg"].dtype == np.float32
    assert (samples["neg"][:, 3] < 0).all()
    nearest = np.linalg.norm(samples["pos"][:50, None, :3] - unit[None], axis=2).min(axis=1)
    assert (samples["pos"][:50, 3] <= nearest + 1e-5).all()  # no surface point is nearer than the distance says
    np.testing.assert_allclose(samples["pos"][:50, 3], nearest, atol=0.1)


def test_cameras_project_the_mesh_onto_its_picture(micro):
    archive = zipfile.ZipFile(next(micro.glob("results/data/chairs/train-*/hard.zip")))
    name = next(name for name in archive.namelist() if name.endswith("cameras.json"))
    described = json.loads(archive.read(name))
    shape = name.split("/")[1]
    mesh = trimesh.load(micro / f"meshes/03001627/{shape}/models/model_normalized.obj", force="mesh", process=False)
    points, _ = trimesh.sample.sample_surface(mesh, 20_000, seed=0)
    for index, view in enumerate(described["views"]):
        picture = np.array(
            Image.open(BytesIO(archive.read(name.replace("cameras.json", f"image_rgb/{index:02d}.png"))))
        )
        matrix = np.array(view["world_to_camera"])
        pixels = (points @ matrix[:, :3].T + matrix[:, 3]) @ np.array(described["intrinsics"]).T
        column, row = (pixels[:, :2] / pixels[:, 2:]).T
        seen = np.argwhere((picture < 250).any(axis=2))
        assert abs(seen.min(axis=0) - [row.min(), column.min()]).max() < 2
        assert abs(seen.max(axis=0) + 1 - [row.max(), column.max()]).max() < 2


def test_errors_are_painted_for_each_fixed_view(micro):
    run = snakemake(micro, "--", "errors")
    assert run.returncode == 0, run.stdout + run.stderr
    for method in ("two_phase", "end_to_end"):
        names = zipfile.ZipFile(micro / f"results/errors/planes/{method}.zip").namelist()
        made = {name.partition("/")[2] for name in names}
        assert {"easy_fixed_01_precision.ply", "easy_fixed_01_recall.glb", "hard_fixed_01_precision.glb"} <= made
        assert len({name.partition("/")[0] for name in names}) == 2


def test_contact_sheets_show_the_views_and_the_distances(micro):
    run = snakemake(micro, "--", "contact_sheets")
    assert run.returncode == 0, run.stdout + run.stderr
    for category in ("chairs", "planes"):
        views, distances = (
            np.array(Image.open(micro / f"results/pictures/contact_sheets/{category}_{what}.png").convert("RGB"))
            for what in ("views", "distances")
        )
        assert 3 * 64 <= views.shape[1] < 8 * 64  # as wide as its three views, or as its labels
        assert (views[:, : 2 * 64] < 200).any()  # two hard views at least on each line
        assert (views[:, 4 * 64 :] == 255).all()  # and no fourth one
        reddish = (distances[..., 0] > 150) & (distances[..., 2] < 100)
        bluish = (distances[..., 2] > 150) & (distances[..., 0] < 100)
        assert reddish.any()  # a slice through thin parts has few points inside
        assert bluish.sum() > 100


def test_export_unzips_to_the_original_layouts_and_deletes_only_what_it_wrote(micro):
    target = "results/export/planes_test-00.txt"
    assert snakemake(micro, "--", target).returncode == 0
    listing = micro / target
    listed = listing.read_text().splitlines()
    assert (
        len(listed) == len(set(listed)) == 2 * (3 + 2 + 2 + 1 + 3)
    )  # images, cameras, samples, surface, volume, normalisation
    assert all((micro / "results/export" / name).stat().st_size for name in listed)
    stray = micro / "results/export/planes/0123abcd/easy/cameras.json"
    precious = micro / "precious.txt"

    def export_after(names: list[str], sealed: bool) -> None:
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.touch()
        precious.touch()
        seal = seals.read(listing)
        listing.write_text("\n".join([*listed, *names]))
        if sealed:
            dataclasses.replace(seal, digest=seals.digest(listing)).write(listing)
        assert snakemake(micro, "--force", "--", target).returncode == 0
        assert listing.read_text().splitlines() == listed
        assert precious.exists()

    export_after(["planes/0123abcd/easy/cameras.json"], sealed=False)
    assert stray.exists()  # an edited listing is not what the workflow wrote
    export_after(["planes/0123abcd/easy/cameras.json", "../../precious.txt", str(precious)], sealed=True)
    assert not stray.exists()


def test_demo_shapes_are_made_where_they_are_asked_for(tmp_path):
    demo = {"shapenet": "demo", "demo": {"train": 2, "test": 1}}
    run = snakemake(tmp_path, "--", "demo_shapes", over=demo)
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(list(tmp_path.glob("results/demo_shapes/*/*/models/model_normalized.obj"))) == 6


def test_a_second_run_finds_nothing_to_do(pristine, tmp_path):
    run = snakemake(copied(pristine, tmp_path / "micro", link=True))
    assert run.returncode == 0
    assert "Nothing to be done" in run.stdout + run.stderr


def test_a_changed_setting_reruns_what_depends_on_it_and_nothing_above(micro):
    run = snakemake(micro, "--dry-run", over={"evaluate": {"points": 600}})
    text = run.stdout + run.stderr
    assert run.returncode == 0
    for rule in ("evaluate", "evaluate_baselines", "table1"):
        assert f"\n{rule} " in text
    for rule in ("render", "sdf", "train_embeddings", "reconstruct"):
        assert f"\n{rule} " not in text


def test_a_new_shape_makes_only_its_own_members(micro):
    log = micro / "results/logs/sdf/planes_train-00.log"
    train = micro / "planes_train.txt"
    before = train.read_text()
    shutil.copytree(micro / "meshes/02691156" / before.split()[0], micro / "meshes/02691156/0123abcd")
    train.write_text(f"{before}\n0123abcd")
    run = snakemake(micro, "--", "results/data/planes/train-00/sdf.zip")
    train.write_text(before)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 of 5 shapes made" in log.read_text()


def test_imagenet_weights_without_a_network_are_an_error(micro, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("TORCH_HOME", str(micro / "no_cache"))
    target = "results/models/planes/two_phase/model.safetensors"
    run = snakemake(micro, "--", target, over={"encoder": {"weights": "imagenet"}})
    assert run.returncode != 0
    assert "torchvision cannot fetch the weights here" in run.stdout + run.stderr


def test_phase_1_exported_as_a_published_experiment_can_be_read_back(micro):
    run = snakemake(micro, "--", "export_experiments")
    assert run.returncode == 0, run.stdout + run.stderr
    template, codes = "results/templates/planes/two_phase.ply", "results/models/planes/embeddings/model.safetensors"
    before = (micro / template).read_bytes(), models.load_model(micro / codes)
    shutil.copytree(micro / "results/export", micro / "published")
    published = {"phase1": {"from": "published/{category}_deep_implicit_template"}}
    run = snakemake(micro, "--", template, over=published)
    assert run.returncode == 0, run.stdout + run.stderr
    after = models.load_model(micro / codes)
    assert (micro / template).read_bytes() == before[0]
    assert after.shapes == before[1].shapes
    assert torch.equal(after.codes, before[1].codes)
    log = micro / "results/logs/train_embeddings/planes.log"
    for begun in ("4 epochs on", "resumes from epoch 5"):  # and back: trained again, then from the finished checkpoint
        run = snakemake(micro, "--forcerun", "train_embeddings", "--", template)
        assert run.returncode == 0, run.stdout + run.stderr
        assert (micro / template).read_bytes() == before[0]
        assert begun in log.read_text()
