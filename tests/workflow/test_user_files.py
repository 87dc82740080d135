"""What users bring, through the whole pipeline: photos, models, labels and keypoints."""

import shutil
import zipfile

import numpy as np
import pandas as pd
import trimesh
import yaml
from pipeline import REPOSITORY, snakemake
from template3d import export_model
from template3d.data import ground_truth
from template3d.data.demo import annotations
from template3d.data.demo import parameters as demo_shapes
from template3d.networks import models
from template3d.reconstruction.photo import reconstruct_photo


def test_photos_are_reconstructed_and_a_broken_one_is_named(micro):
    folder = micro / "resources/photos/planes"
    (folder / "broken.png").write_bytes(b"no image")
    shutil.copy(folder / "blue.png", folder / "blue.webp")
    run = snakemake(micro, "--", "results/photos/planes/photos.csv")
    (folder / "broken.png").unlink()
    (folder / "blue.webp").unlink()
    assert run.returncode == 0, run.stdout + run.stderr
    table = pd.read_csv(micro / "results/photos/planes/photos.csv", index_col="photo")
    assert "cannot be read as an image" in table.loc["broken.png", "reason"]
    assert "another photo has the same name" in table.loc["blue.webp", "reason"]
    assert table.loc["blue.png", "background"] == "border"
    made = {file.name for file in (micro / "results/photos/planes").iterdir()}
    assert {"blue.png", "broken.png"} <= made
    if table.loc["blue.png", "status"] == "ok":
        assert {"blue.glb", "blue.ply", "end_to_end"} <= made
        assert {file.name for file in (micro / "results/photos/planes/end_to_end").iterdir()} == {
            "blue.glb",
            "blue.ply",
        }
    assert snakemake(micro).returncode == 0  # as it was, for the others


def test_photos_are_reconstructed_by_a_model_that_was_handed_over(micro, tmp_path):
    export_model.exported(str(micro / "results/models/chairs/two_phase"), tmp_path / "model")
    run = snakemake(micro, over={"photo_models": {"planes": str(tmp_path / "model")}})
    assert run.returncode == 0, run.stdout + run.stderr
    model = models.load_model(tmp_path / "model/model.safetensors")
    isosurface = yaml.safe_load((REPOSITORY / "tests/workflow/micro.yaml").read_text())["isosurface"]
    mesh, _ = reconstruct_photo(model, micro / "resources/photos/planes/blue.png", **isosurface)
    made = trimesh.load(micro / "results/photos/planes/blue.ply", process=False)
    np.testing.assert_allclose(made.vertices, mesh.vertices, atol=1e-5)
    assert not [*(micro / "results/photos/planes").glob("end_to_end/*")]
    assert '"published":{' in (micro / "results/gallery/index.html").read_text()
    (tmp_path / "model/model.safetensors").unlink()
    run = snakemake(micro, over={"photo_models": {"planes": str(tmp_path / "model")}})
    assert run.returncode != 0
    assert "config: photo_models.planes: there is no model.safetensors in" in run.stdout + run.stderr
    assert snakemake(micro).returncode == 0  # as it was, for the others


def test_labels_are_transferred_to_every_shape(micro):
    run = snakemake(micro, "--", "transfer")
    assert run.returncode != 0
    assert "there are no labels to transfer; put some into resources/labels" in run.stdout + run.stderr
    shapes = [(micro / f"planes_{split}.txt").read_text().split() for split in ("train", "test")]
    source = shapes[0][0]
    points = ground_truth.read([micro / "results/data/planes/train-00/surface.zip"], "02691156", [source])[
        source
    ].points
    labels = np.where(points[:, 0] > 0, "right", "left")
    file = micro / f"resources/labels/planes/{source}.csv"
    file.parent.mkdir(parents=True)
    pd.DataFrame(points, columns=list("xyz")).assign(label=labels).to_csv(file, index=False)
    run = snakemake(micro, "--", "transfer")
    assert run.returncode == 0, run.stdout + run.stderr
    names = [name for split in shapes for name in split]
    with zipfile.ZipFile(micro / "results/transfer/planes.zip") as made:
        assert set(made.namelist()) == {f"{name}{ending}" for name in names for ending in (".csv", ".glb", ".ply")}
        tables = {name: pd.read_csv(made.open(f"{name}.csv")) for name in names}
    assert all(set(table["label"]) <= {"left", "right"} for table in tables.values())
    assert (tables[source]["label"] == labels).all()  # its own points are nearest to themselves
    file.unlink()


def test_keypoints_and_parts_are_compared_with_the_nearest_point(micro):
    shapes = demo_shapes.parameters("chairs", 6, seed=0)  # the meshes of the micro pipeline
    run = snakemake(micro, "--", "correspondence")
    assert run.returncode != 0
    assert "there are no annotations to compare with; put keypoints" in run.stdout + run.stderr
    names = [demo_shapes.shape_id(shape) for shape in shapes]
    rows = [
        (name, keypoint, *point)
        for name, shape in zip(names, shapes, strict=True)
        for keypoint, point in annotations.keypoints(shape).items()
    ]
    file = micro / "resources/keypoints/chairs/known.csv"
    file.parent.mkdir(parents=True)
    pd.DataFrame(rows, columns=["shape", "name", *"xyz"]).to_csv(file, index=False)
    run = snakemake(micro, "--", "correspondence", "transfer", over={"correspondence": {"sources": 2}})
    assert run.returncode == 0, run.stdout + run.stderr
    table = pd.read_csv(micro / "results/tables/correspondence.csv")
    assert table.groupby("split")["shapes"].first().to_dict() == {"train": 2, "test": 2}
    assert (table.set_index("method").loc["best", "pck_0.10"] == 1).all()
    carried = pd.read_csv(micro / "results/transfer/chairs_keypoints.csv")
    assert carried["shape"].nunique() == 6
    np.testing.assert_allclose(
        carried.set_index(["shape", "name"]).sort_index(),
        pd.read_csv(file).set_index(["shape", "name"]).sort_index(),
        atol=1e-5,
    )  # each shape keeps its own
    file.unlink()
