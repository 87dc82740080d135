"""What the jobs that use or train a model do, on a model for which every image shows nearly a sphere."""

import json
import zipfile
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import stages
import torch
import trimesh
from PIL import Image
from template3d.data import archives, manifests, views
from template3d.geometry import meshes
from template3d.geometry.normalization import Normalization
from template3d.jobs import reconstruct, training
from template3d.jobs.template_map import TemplateMap
from template3d.jobs.transfer import LabelTransfer, read_labels
from template3d.rendering import cameras
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL
from template3d.training.loop import fit
from template3d.training.stage import Schedule

ISOSURFACE = {"resolution": 32, "coarse": 16}
HALF_SIZE = Normalization(np.array([0.1, 0.0, 0.0]), 2.0)


@pytest.fixture(scope="module")
def model():
    return stages.sphere_model()


def png(colour):
    content = BytesIO()
    Image.new("RGB", (32, 32), colour).save(content, format="PNG")
    return content.getvalue()


def test_there_is_one_fixed_view_and_some_random_ones_of_each_shape():
    settings = {
        "view_choices": [("easy", "fixed"), ("easy", "random")],
        "seed": 0,
        "reconstruct": {"fixed_view": 7, "random_views": 3},
        "views": {"easy": 9},
    }
    items = reconstruct.wanted(["aaaa", "bbbb"], settings)
    assert len(items) == 2 * (1 + 3)
    assert items["aaaa/easy_fixed_07"] == ("aaaa", "easy", "fixed", 7)
    drawn = {
        shape: [item.view for item in items.values() if item[:3] == (shape, "easy", "random")]
        for shape in ("aaaa", "bbbb")
    }
    assert all(len(set(indices)) == 3 and max(indices) < 9 for indices in drawn.values())
    alone = reconstruct.wanted(["bbbb"], settings)
    assert alone.items() <= items.items()  # other shapes do not change a shape's views


@pytest.fixture
def reconstructor(model, tmp_path):
    """A job for one shape with two easy views, a red and a blue one."""
    described = json.dumps(cameras.describe([cameras.View(30, 20, 1.5), cameras.View(60, 25, 1.5)], 32)).encode()
    members = {views.cameras_name("chairs", "aaaa", "easy"): described}
    for index, colour in enumerate(("red", "blue")):
        members[views.member_name("chairs", "aaaa", "easy", index)] = png(colour)
    shard = tmp_path / "easy.zip"
    archives.update(shard, {"aaaa": "1"}, lambda shapes: ((shape, members) for shape in shapes))
    return reconstruct.Reconstructor(model, "chairs", archives.index([shard]), {"aaaa": HALF_SIZE}, ISOSURFACE)


def test_reconstructions_are_in_shapenets_frame_and_not_repeated(reconstructor, tmp_path):
    items = [
        reconstruct.Reconstruction("aaaa", "easy", "fixed", 0),
        reconstruct.Reconstruction("aaaa", "easy", "random", 1),
    ]
    by_stem = {item.stem: item for item in items}
    archive = tmp_path / "reconstructions.zip"
    reconstructor.update(archive, by_stem, 2, "code")
    assert set(archives.names(archive)) == {
        "aaaa/easy_fixed_00.ply", "aaaa/easy_fixed_00.json", "aaaa/easy_fixed_00.glb",
        "aaaa/easy_random_01.ply", "aaaa/easy_random_01.json",
    }  # fmt: skip
    mesh = meshes.read_ply(archives.read(archive, "aaaa/easy_fixed_00.ply"))
    radii = np.linalg.norm(HALF_SIZE.to_unit(mesh.vertices), axis=1)
    np.testing.assert_allclose(radii, 0.5, atol=0.1)
    facts = json.loads(archives.read(archive, "aaaa/easy_random_01.json"))
    assert (facts["views"], facts["view_kind"], facts["view"]) == ("random", "easy", 1)
    assert (facts["azimuth_deg"], facts["elevation_deg"]) == (60, 25)
    before = archive.read_bytes()
    reconstructor.update(archive, by_stem, 2, "code")
    assert archive.read_bytes() == before


def test_a_view_that_is_fixed_and_random_is_reconstructed_once(reconstructor, monkeypatch):
    drawn = [("fixed", 1), ("random", 0), ("random", 1)]
    items = [reconstruct.Reconstruction("aaaa", "easy", choice, view) for choice, view in drawn]
    extracted, meshes_of = [], reconstruct.inference.meshes_of

    def counted(decoder, codes, **settings):
        extracted.append(len(codes))
        return meshes_of(decoder, codes, **settings)

    monkeypatch.setattr(reconstruct.inference, "meshes_of", counted)
    for at_once in (1, 3):
        extracted.clear()
        files = dict(reconstructor.make(items, at_once))
        assert list(files) == [item.stem for item in items]
        assert sum(extracted) == 2
        facts = {stem: json.loads(files[stem][f"{stem}.json"]) for stem in files}
        codes = {stem: facts[stem]["code"] for stem in files}
        assert codes["aaaa/easy_fixed_01"] == codes["aaaa/easy_random_01"] != codes["aaaa/easy_random_00"]
        assert [facts[item.stem]["azimuth_deg"] for item in items] == [60, 30, 60]
        assert (
            files["aaaa/easy_fixed_01"]["aaaa/easy_fixed_01.ply"]
            == files["aaaa/easy_random_01"]["aaaa/easy_random_01.ply"]
        )


def test_labels_are_transferred_to_the_nearest_point_in_the_template(model, tmp_path):
    """An untrained warp keeps the template and the unit sphere alike, so the side of a point is its label."""
    codes = dict(zip(model.shapes, model.codes, strict=True))
    normalizations = {"aaaa": Normalization(np.zeros(3), 1.0), "bbbb": Normalization(np.zeros(3), 2.0)}
    template_map = TemplateMap(model.decoder, codes, normalizations)
    (tmp_path / "aaaa.csv").write_text("x,y,z,label\n-0.5,0,0,left\n0.5,0,0,right\n")
    points = np.array([[-0.2, 0.01, 0.0], [0.3, 0.0, 0.02], [-0.1, 0.0, 0.0]])
    labelled = read_labels([tmp_path / "aaaa.csv"], "chairs", template_map, {"aaaa": points}, USUAL)
    meshes = {"bbbb": trimesh.creation.box(extents=[0.4, 0.1, 0.1])}
    LabelTransfer(template_map, labelled).write(tmp_path / "labels.zip", {"bbbb": points}, meshes)
    with zipfile.ZipFile(tmp_path / "labels.zip") as archive:
        table = pd.read_csv(archive.open("bbbb.csv"))
        cloud = trimesh.load(BytesIO(archive.read("bbbb.ply")), file_type="ply")
        mesh = trimesh.load(BytesIO(archive.read("bbbb.glb")), file_type="glb", force="mesh")
    assert table["label"].tolist() == ["left", "right", "left"]
    np.testing.assert_allclose(table[["x", "y", "z"]], points)
    assert (cloud.colors[0] == cloud.colors[2]).all()
    assert (cloud.colors[0] != cloud.colors[1]).any()
    right = (mesh.visual.vertex_colors == cloud.colors[1]).all(axis=1)
    assert (right[np.abs(mesh.vertices[:, 0]) > 0.1] == (mesh.vertices[np.abs(mesh.vertices[:, 0]) > 0.1, 0] > 0)).all()


def test_a_training_job_trains_as_the_loop_does(tmp_path):
    section = {"epochs": 2, "halve_learning_rate_every": 1, "precision": "32", "compile": False}
    manifest, shard = tmp_path / "manifest.json", tmp_path / "sdf.zip"
    manifests.write(manifest, {shape: HALF_SIZE.to_json() for shape in ("aaaa", "bbbb")}, {})
    archives.update(shard, {"aaaa": "1"}, lambda shapes: ((shape, {f"{shape}.npz": b"0"}) for shape in shapes))
    job = training.Training(
        "phase1",
        {"gpus": 0, "ram_gb": 1, "gpu_gb": 0, "checkpoint_minutes": 60, "keep_checkpoints": 3, "micro_batch": "auto"},
        1,
        [shard],
        {"phase1": section, "seed": 0},
        {"code": {"networks.losses": "1"}, "packages": {}},
        tmp_path / "checkpoint.safetensors",
        tmp_path / "board",
    )
    assert job.usable(["bbbb", "cccc", "aaaa"], [manifest]) == ["bbbb", "aaaa"]
    for listed, left in ((["cccc", "aaaa"], 1), (["cccc"], 0)):
        with pytest.raises(InputError, match=f"only {left} of the {len(listed)} listed training shapes can be used"):
            job.usable(listed, [manifest])
    history = job.fit(stages.make("embeddings"), "test")
    expected = fit(stages.make("embeddings"), Schedule(2, 1, accelerator="cpu"), "test")
    assert history == expected
    assert (tmp_path / "checkpoint.safetensors").exists()
    training.write_history(tmp_path / "history.csv", history)
    assert pd.read_csv(tmp_path / "history.csv")["total"].tolist() == pytest.approx([row["total"] for row in history])
    training.write_history(tmp_path / "empty.csv", [])
    assert (tmp_path / "empty.csv").read_text() == "epoch,step,total\n"
    assert torch.get_num_threads() == 1
