"""What the jobs of the data stages make of one box: 0.4 x 0.6 x 0.2, around the origin."""

import functools
import json

import numpy as np
import pytest
import trimesh
from template3d.data import archives, ground_truth, manifests, samples, shapenet, views
from template3d.geometry.normalization import Normalization
from template3d.jobs import check, render, sdf, shard, surface
from template3d.rendering import cameras
from template3d.runtime import npz
from template3d.runtime.errors import InputError

SYNSET, HALF = "03001627", np.array([0.2, 0.3, 0.1])
SETTINGS = {
    "seed": 0,
    "sdf": {"count": 500, "near_stds": [0.2, 0.02], "uniform_share": 0.1, "backend": "rays", "directions": 30},
    "surface": {"points": 300, "volume_points": 400},
    "views": {
        "easy": 2,
        "image_size": 32,
        "samples": 1,
        "passes": ["rgb", "mask"],
        "engine": "cycles",
        "device": "cpu",
    },
}


def write_mesh(folder, shape, mesh):
    file = shapenet.mesh_file(folder, SYNSET, shape)
    file.parent.mkdir(parents=True)
    file.write_text(mesh.export(file_type="obj"))
    return file


@pytest.fixture
def box(tmp_path):
    return write_mesh(tmp_path, "aaaa", trimesh.creation.box(2 * HALF))


def box_distance(points):
    beyond = np.abs(points) - HALF
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)


def test_distances_are_in_the_unit_sphere(box):
    normalization = check.one_shape(box)
    ((name, content),) = sdf.one_shape(box, normalization, SETTINGS).items()
    assert name == samples.member_name(SYNSET, "aaaa")
    sides = npz.arrays(content, name)
    rows = np.concatenate([sides["pos"], sides["neg"]])
    assert len(rows) == 500
    in_shapenet = rows[:, :3] / normalization.scale
    np.testing.assert_allclose(rows[:, 3], normalization.scale * box_distance(in_shapenet), atol=1e-5)


def test_ground_truth_is_in_shapenets_frame(box, tmp_path):
    normalization = check.one_shape(box)
    members = surface.one_shape(box, normalization, SETTINGS)
    archives.update(tmp_path / "surface.zip", {"aaaa": "1"}, lambda shapes: ((shape, members) for shape in shapes))
    truth = ground_truth.read([tmp_path / "surface.zip"], SYNSET, ["aaaa"])["aaaa"]
    assert truth.points.shape == (300, 3)
    np.testing.assert_allclose(box_distance(truth.points), 0, atol=1e-6)
    distances = box_distance(truth.volume_points)
    clear = np.abs(distances) > 1e-6
    assert len(distances) == 400
    np.testing.assert_array_equal(truth.occupied[clear], (distances < 0)[clear])
    stored = Normalization.from_bytes(members[ground_truth.normalization_name(SYNSET, "aaaa")])
    assert stored.scale == pytest.approx(normalization.scale, rel=1e-7)  # float32


def test_views_show_the_box_where_their_cameras_say(box):
    members = render.one_shape("chairs", "easy", box, 1, SETTINGS)
    described = json.loads(members[views.cameras_name("chairs", "aaaa", "easy")])
    assert len(members) == 2 * 2 + 1
    corners = np.stack(np.meshgrid(*np.stack([-HALF, HALF], axis=1)), axis=-1).reshape(-1, 3)
    for index in range(2):
        mask = np.array(views.decode(members[views.member_name("chairs", "aaaa", "easy", index, "mask")]).convert("L"))
        rows, columns = np.nonzero(mask)
        projected = cameras.project(cameras.described_view(described, index), corners, 32)
        seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        np.testing.assert_allclose(seen, [*projected.min(axis=0), *projected.max(axis=0)], atol=1.5)


def test_a_shard_has_the_shapes_of_its_manifest(box, tmp_path):
    """Worker processes sample them; a shape that cannot be sampled is skipped and recorded."""
    sheet = write_mesh(tmp_path, "bbbb", trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]]))
    unlisted = write_mesh(tmp_path, "cccc", trimesh.creation.box())
    manifest, archive = tmp_path / "manifest.json", tmp_path / "sdf.zip"
    normalization = Normalization(np.zeros(3), 1.0)
    manifests.write(manifest, {"aaaa": normalization, "bbbb": normalization}, {"dddd": "has no faces"})
    update = functools.partial(
        shard.update_archive, archive, sdf.one_shape, [box, sheet, unlisted], manifest, SETTINGS, code={"a": "1"}
    )
    with pytest.raises(InputError, match=r"bbbb: .*no inside"):
        update(on_bad_mesh="fail")
    update(on_bad_mesh="skip")
    members = [name for name in archives.names(archive) if name.endswith(".npz")]
    assert members == [samples.member_name(SYNSET, "aaaa")]
    assert archives.failures(archive).keys() == {"bbbb"}
    assert manifests.failures([manifest]) == {"dddd": "has no faces"}
    assert manifests.usable(["dddd", "bbbb", "aaaa"], [manifest], [archive]) == ["aaaa"]
    listed = manifests.read([manifest])["bbbb"]
    assert (listed.offset.tolist(), listed.scale) == ([0, 0, 0], 1.0)
