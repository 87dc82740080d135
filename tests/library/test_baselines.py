"""The baselines on boxes whose retrieval is known."""

import json
import zipfile

import numpy as np
import pytest
import trimesh
from template3d.data import ground_truth, prepared_meshes, views
from template3d.data.prepared_meshes import PreparedMesh, PreparedMeshes
from template3d.evaluation import camera_frame, methods, retrieval
from template3d.evaluation.baselines import Baselines
from template3d.evaluation.camera_frame import Cameras
from template3d.geometry import meshes
from template3d.geometry.normalization import Normalization
from template3d.rendering import cameras

SYNSET, NORMALIZATION = "03001627", Normalization(np.zeros(3), 2.0)
BOXES = {"aaaa": (0.2, 0.2, 0.2), "bbbb": (0.4, 0.2, 0.3), "test": (0.4, 0.2, 0.2)}


def truth(size):
    box = trimesh.creation.box(size)
    points, faces = trimesh.sample.sample_surface(box, 2000, seed=0)
    volume = np.random.default_rng(0).uniform(-0.3, 0.3, size=(2000, 3)).astype(np.float16).astype(np.float32)
    inside = (np.abs(volume) < np.array(size) / 2).all(axis=1)
    return ground_truth.Truth(points, box.face_normals[faces], volume, inside)


@pytest.fixture
def rows(tmp_path):
    """The rows of ``test``, and of ``bad!``, whose mesh cannot be used, by method."""
    with zipfile.ZipFile(tmp_path / "surface.zip", "w") as archive:
        for shape in ("aaaa", "bbbb"):
            sampled = truth(BOXES[shape])
            cloud = ground_truth.to_bytes(sampled.points, sampled.normals)
            archive.writestr(ground_truth.member_name(SYNSET, shape), cloud)
            volume = ground_truth.volume_to_bytes(sampled.volume_points.astype(np.float16), sampled.occupied)
            archive.writestr(ground_truth.volume_name(SYNSET, shape), volume)
    with zipfile.ZipFile(tmp_path / "fitted.zip", "w") as archive:
        archive.writestr("test.ply", meshes.ply_bytes(trimesh.creation.box(BOXES["test"])))
    view = {"views": "fixed", "view_kind": "easy", "view": 7, "azimuth_deg": 30.0, "elevation_deg": 20.0}
    with zipfile.ZipFile(tmp_path / "reconstructions.zip", "w") as archive:
        archive.writestr("test/easy_fixed_07.json", json.dumps(view | {"code": [0.9, 0.0]}))
    described = cameras.describe([cameras.View(30.0, 20.0, 1.5)] * 8, 64)
    with zipfile.ZipFile(tmp_path / "easy.zip", "w") as archive:
        archive.writestr(views.cameras_name("chairs", "test", "easy"), json.dumps(described))
    with zipfile.ZipFile(tmp_path / "meshes.zip", "w") as archive:
        for shape, size in BOXES.items():
            box = trimesh.creation.box(size)
            flat = np.zeros(len(box.faces), np.int32), np.empty((0, 3, 2), np.float32)
            prepared = PreparedMesh(box.vertices.astype(np.float32), box.faces.astype(np.int32), *flat, (), ())
            archive.writestr(prepared_meshes.member_name(SYNSET, shape), prepared.to_bytes())
    shapes = ["aaaa", "bbbb"]
    library = retrieval.Library.read(
        [tmp_path / "surface.zip"], SYNSET, shapes, dict.fromkeys(shapes, NORMALIZATION), seed=0
    )
    baselines = Baselines(
        library,
        {"test": truth(BOXES["test"])},
        {"test": NORMALIZATION},
        trimesh.creation.box(2 * np.array(BOXES["test"])),
        {"aaaa": np.array([1.0, 0.0]), "bbbb": np.array([0.0, 1.0])},
        tmp_path / "fitted.zip",
        tmp_path / "reconstructions.zip",
        PreparedMeshes([tmp_path / "meshes.zip"]),
        Cameras("chairs", [tmp_path / "easy.zip"], [tmp_path / "meshes.zip"]),
        {"seed": 0, "evaluate": {"points": 2000, "average_over": 10}, "sdf": {"directions": 100}},
    )
    of_shape = {"test": {}, "bad!": {}}
    for row in baselines.rows("chairs", ["test", "bad!"]):
        of_shape[row["shape"]][row["method"]] = row
    return of_shape


def test_every_baseline_has_a_row(rows):
    assert rows["test"].keys() == rows["bad!"].keys() == methods.BASELINES.keys()
    assert {row["status"] for row in rows["test"].values()} == {"ok"}
    assert {row["status"] for row in rows["bad!"].values()} == {"bad mesh"}


def test_the_oracle_takes_the_nearest_shape_and_the_encoder_the_nearest_code(rows):
    assert rows["test"]["nearest_oracle"]["retrieved"] == "bbbb"
    assert rows["test"]["nearest_code"]["retrieved"] == "aaaa"
    assert rows["test"]["nearest_code"]["azimuth_deg"] == 30.0


def test_a_retrieved_shape_is_seen_by_the_camera_of_the_view(rows):
    seen = rows["test"]["nearest_code"]
    view = cameras.View(30.0, 20.0, 1.5)
    expected = camera_frame.measured(trimesh.creation.box(BOXES["aaaa"]), trimesh.creation.box(BOXES["test"]), view)
    assert {name: seen[name] for name in camera_frame.MEASURES} == pytest.approx(expected)
    assert 0.4 < seen["silhouette_iou"] < 0.7
    assert not camera_frame.MEASURES.keys() & rows["test"]["nearest_oracle"].keys()


def test_a_mesh_equal_to_the_truth_scores_better_than_any_retrieval(rows):
    chamfer = {method: row["chamfer_shapenet_x1000"] for method, row in rows["test"].items()}
    # template and fitted code are the test shape itself: other random points of the same surface
    assert max(chamfer["template_only"], chamfer["code_fit"]) < chamfer["nearest_oracle"] < chamfer["nearest_code"]
    assert chamfer["nearest_oracle"] < chamfer["train_average"] < chamfer["nearest_code"]
