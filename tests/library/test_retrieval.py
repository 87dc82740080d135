import zipfile

import numpy as np
import pytest
import trimesh
from template3d.data import ground_truth
from template3d.evaluation import retrieval
from template3d.geometry.normalization import Normalization

SYNSET = "03001627"
BOXES = {"aaaa": (0.2, 0.2, 0.2), "bbbb": (0.8, 0.2, 0.2), "cccc": (0.3, 0.3, 0.8), "dddd": (0.3, 0.3, 0.75)}


def truth(size):
    box = trimesh.creation.box(size)
    points, faces = trimesh.sample.sample_surface(box, 3000, seed=0)
    volume = np.random.default_rng(0).uniform(-0.5, 0.5, size=(20_000, 3))
    return ground_truth.Truth(
        points, box.face_normals[faces], volume, (np.abs(volume) < np.array(size) / 2).all(axis=1)
    )


@pytest.fixture
def library(tmp_path):
    """Boxes of different sizes, all but the last one."""
    archive = tmp_path / "surface.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for shape in ("aaaa", "bbbb", "cccc"):
            sampled = truth(BOXES[shape])
            opened.writestr(
                ground_truth.member_name(SYNSET, shape), ground_truth.to_bytes(sampled.points, sampled.normals)
            )
            volume = ground_truth.volume_to_bytes(sampled.volume_points.astype(np.float16), sampled.occupied)
            opened.writestr(ground_truth.volume_name(SYNSET, shape), volume)
    normalization = Normalization(np.zeros(3), 2.0)
    shapes = ["aaaa", "bbbb", "cccc"]
    return retrieval.Library.read([archive], SYNSET, shapes, dict.fromkeys(shapes, normalization), seed=0)


def test_the_oracle_finds_the_most_similar_shape(library):
    normalization = Normalization(np.zeros(3), 2.0)
    assert library.nearest(truth(BOXES["dddd"]), normalization) == "cccc"
    assert library.nearest(truth(BOXES["bbbb"]), normalization) == "bbbb"


def test_a_retrieved_shape_is_compared_in_the_unit_sphere(library):
    half = Normalization(np.zeros(3), 4.0)  # a test shape of half the size
    test = truth(tuple(size / 2 for size in BOXES["cccc"]))
    values = retrieval.measured(library, "cccc", test, half)
    assert values["chamfer_shapenet_x1000"] < 0.3
    assert values["f_score_1_percent"] > 0.8
    assert values["volumetric_iou"] > 0.6
    assert retrieval.measured(library, "bbbb", test, half)["volumetric_iou"] < 0.5


def test_the_nearest_code_is_by_euclidean_distance():
    codes = {"aaaa": np.array([0.0, 0]), "bbbb": np.array([1.0, 0]), "cccc": np.array([0, 2.0])}
    assert retrieval.nearest_code(codes, np.array([0.9, 0.1])) == "bbbb"


def test_random_training_shapes_are_few_and_the_same_every_time(library):
    assert len(library.some(10)) == 3
    (first,), (again,) = library.some(1), library.some(1)
    np.testing.assert_array_equal(first, again)
