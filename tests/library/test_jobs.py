"""What the jobs of the data stages make of one box: 0.4 x 0.6 x 0.2, around the origin."""

import functools
import json

import numpy as np
import pytest
import trimesh
from template3d.data import archives, ground_truth, manifests, obj, prepared_meshes, samples, views
from template3d.data.mesh_folders import Location, MeshFolder
from template3d.geometry.normalization import Normalization
from template3d.jobs import prepare, render, sdf, shard, surface
from template3d.rendering import cameras
from template3d.runtime import npz
from template3d.runtime.errors import InputError

SYNSET, HALF = "03001627", np.array([0.2, 0.3, 0.1])
SETTINGS = {
    "seed": 0,
    "sdf": {
        "count": 500,
        "near_stds": [0.2, 0.02],
        "uniform_share": 0.1,
        "stretched_share": 0.3,
        "backend": "rays",
        "directions": 30,
    },
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
    file = MeshFolder(folder).mesh_file(SYNSET, shape)
    file.parent.mkdir(parents=True)
    file.write_text(mesh.export(file_type="obj"))
    return file


@pytest.fixture
def box(tmp_path):
    render.studio.cache_clear()  # another test in this process may have set up Blender's only scene
    return write_mesh(tmp_path, "aaaa", trimesh.creation.box(2 * HALF))


def prepare_file(file, shape):
    return prepare.one_shape(Location(file), SYNSET, shape, MeshFolder(file.parents[3]))


def prepared(folder, **files):
    """Prepare meshes, by shape: the archive, its members, and the normalizations."""
    archive, manifest = folder / "meshes.zip", folder / "manifest.json"
    sources = dict.fromkeys(files, "1")
    archives.update(archive, sources, lambda stale: ((shape, prepare_file(files[shape], shape)) for shape in stale))
    manifests.write(manifest, prepared_meshes.entries(archive), {})
    return archive, prepared_meshes.members(archive), manifests.read([manifest])


@pytest.fixture
def job(box, tmp_path):
    """What the jobs get of the box: the archive, its member, and the normalization."""
    archive, members, normalizations = prepared(tmp_path, aaaa=box)
    return archive, members["aaaa"], normalizations["aaaa"]


def box_distance(points):
    beyond = np.abs(points) - HALF
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)


def test_the_manifest_measures_the_mesh(box, job, tmp_path):
    (entry,) = manifests.entries([tmp_path / "manifest.json"]).values()
    assert entry | {"faces": 12, "components": 1, "watertight": True, "open_edges": 0, "hidden_share": 0.0} == entry
    np.testing.assert_allclose(entry["extent"], 2 * HALF, atol=1e-6)
    inner = trimesh.creation.box(HALF)
    opened = trimesh.Trimesh(inner.vertices, inner.faces[:-1], process=False)
    both = trimesh.util.concatenate([trimesh.creation.box(2 * HALF), opened])
    files = prepare_file(write_mesh(tmp_path, "bbbb", both), "bbbb")
    measured = json.loads(files[prepared_meshes.entry_name(SYNSET, "bbbb")])
    assert measured | {"faces": 23, "components": 2, "watertight": False, "open_edges": 3} == measured
    assert measured["hidden_share"] == pytest.approx(opened.area / both.area, abs=0.03)


def test_distances_are_in_the_unit_sphere(job):
    normalization = job[2]
    ((name, content),) = sdf.one_shape(*job, SETTINGS).items()
    assert name == samples.member_name(SYNSET, "aaaa")
    sides = npz.arrays(content, name)
    rows = np.concatenate([sides["pos"], sides["neg"]])
    assert len(rows) == 500
    in_shapenet = rows[:, :3] / normalization.scale
    np.testing.assert_allclose(rows[:, 3], normalization.scale * box_distance(in_shapenet), atol=1e-5)


def test_ground_truth_is_in_shapenets_frame(job, tmp_path):
    normalization = job[2]
    members = surface.one_shape(*job, SETTINGS)
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


def test_views_show_the_box_where_their_cameras_say(box, job):
    members = render.one_shape("chairs", "easy", *job[:2], Location(box), 1, SETTINGS)
    described = json.loads(members[views.cameras_name("chairs", "aaaa", "easy")])
    assert len(members) == 2 * 2 + 1
    corners = np.stack(np.meshgrid(*np.stack([-HALF, HALF], axis=1)), axis=-1).reshape(-1, 3)
    for index in range(2):
        mask = np.array(views.decode(members[views.member_name("chairs", "aaaa", "easy", index, "mask")]).convert("L"))
        rows, columns = np.nonzero(mask)
        projected = cameras.project(cameras.described_view(described, index), corners, 32)
        seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        np.testing.assert_allclose(seen, [*projected.min(axis=0), *projected.max(axis=0)], atol=1.5)


def test_the_appearance_depends_on_what_is_read_and_on_nothing_else(tmp_path):
    file = write_mesh(tmp_path, "aaaa", trimesh.creation.box(2 * HALF))
    file.write_text("usemtl a\n" + file.read_text())
    mtl, texture = file.with_suffix(".mtl"), file.with_name("wood.png")
    archive, members, _ = prepared(tmp_path, aaaa=file)
    digests = [render.appearance(archive, members["aaaa"], Location(file))]

    def changed() -> bool:
        digests.append(render.appearance(archive, members["aaaa"], Location(file)))
        return digests[-1] not in digests[:-1]

    mtl.write_text("newmtl a\nmap_Kd wood.png\n")
    assert changed()  # Kd in place of the missing texture
    mtl.write_text("# a comment\nnewmtl a\nmap_Kd wood.png\n")
    assert not changed()
    file.with_name("other.png").write_bytes(b"unused")
    assert not changed()
    texture.write_bytes(b"a texture")
    assert changed()
    texture.write_bytes(b"another one")
    assert changed()
    mtl.write_text("newmtl a\nmap_Kd -s 2 2 wood.png\n")
    assert changed()
    mtl.write_text("newmtl a\nmap_Kd \\\nwood.png\n")
    assert changed()  # an error


def test_a_shard_has_the_shapes_of_its_manifest(box, tmp_path):
    """Worker processes sample them; a shape that cannot be sampled is skipped and recorded."""
    flat = np.array([[0, 0, 0], [0.2, 0, 0], [0, 0.2, 0]])
    sheet = prepared_meshes.prepare(
        obj.Polygons(flat, np.arange(3), np.array([3]), np.zeros((3, 2)), np.array([-1]), (), ())
    )
    shapes, manifest, archive = tmp_path / "meshes.zip", tmp_path / "manifest.json", tmp_path / "sdf.zip"
    made = {"aaaa": prepare_file(box, "aaaa"), "bbbb": {prepared_meshes.member_name(SYNSET, "bbbb"): sheet.to_bytes()}}
    made["cccc"] = {name.replace("aaaa", "cccc"): content for name, content in made["aaaa"].items()}
    archives.update(shapes, dict.fromkeys(made, "1"), lambda stale: ((shape, made[shape]) for shape in stale))
    entry = Normalization(np.zeros(3), 1.0).to_json()
    manifests.write(manifest, {"aaaa": entry, "bbbb": entry}, {"dddd": "has no faces"})
    update = functools.partial(
        shard.update_archive, archive, sdf.one_shape, shapes, manifest, SETTINGS, code={"a": "1"}
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


@pytest.mark.parametrize("size", [0.02, 0.4, 2.5, 50])
def test_a_mesh_of_another_size_is_refused_in_shapenets_layout_and_scaled_in_a_flat_one(tmp_path, size):
    mesh = trimesh.creation.box(2 * HALF / np.linalg.norm(2 * HALF) * size)
    file = write_mesh(tmp_path, "aaaa", mesh)
    with pytest.raises(InputError, match=rf"its box has diagonal {size}, .*0\.5 to 2.* meshes\.layout flat") as refused:
        prepare_file(file, "aaaa")
    assert str(file) in str(refused.value)
    assert_right_in_a_flat_folder(tmp_path, mesh)


@pytest.mark.parametrize("move", [(100, 0, 0), (0, -2, 0), (30, 40, 50)])
def test_a_mesh_far_from_the_origin_is_refused_in_shapenets_layout_and_centred_in_a_flat_one(tmp_path, move):
    mesh = trimesh.creation.box(2 * HALF).apply_translation(move)
    with pytest.raises(
        InputError, match=r"the centre of its box is \(.*\), but in ShapeNet's layout .* meshes\.layout flat"
    ):
        prepare_file(write_mesh(tmp_path, "aaaa", mesh), "aaaa")
    assert_right_in_a_flat_folder(tmp_path, mesh)


def assert_right_in_a_flat_folder(tmp_path, mesh):
    """Prepare a box as the sentence of the refusal says; its size, distances and volume are those of the box."""
    (tmp_path / "chairs").mkdir()
    mesh.export(tmp_path / "chairs/aaaa.obj")
    folder = MeshFolder(tmp_path, "flat")
    (location,) = folder.locations("chairs", SYNSET).values()
    made = prepare.one_shape(location, SYNSET, "aaaa", folder)
    archives.update(tmp_path / "flat.zip", {"aaaa": "1"}, lambda stale: [(stale[0], made)])
    member = prepared_meshes.member_name(SYNSET, "aaaa")
    half = HALF / np.linalg.norm(2 * HALF)
    np.testing.assert_allclose(
        prepared_meshes.read(tmp_path / "flat.zip", member).mesh.bounds, [-half, half], atol=2e-5
    )
    entry = json.loads(made[prepared_meshes.entry_name(SYNSET, "aaaa")])
    normalization = Normalization(np.array(entry["offset"]), entry["scale"])
    members = sdf.one_shape(tmp_path / "flat.zip", member, normalization, SETTINGS)
    sampled = npz.arrays(members[samples.member_name(SYNSET, "aaaa")], "")
    distances = np.concatenate([sampled["pos"], sampled["neg"]])
    beyond = np.abs(normalization.to_shapenet(distances[:, :3])) - half
    exact = np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)
    np.testing.assert_allclose(distances[:, 3] / normalization.scale, exact, atol=5e-5)
    members = surface.one_shape(tmp_path / "flat.zip", member, normalization, SETTINGS)
    volume = npz.arrays(members[ground_truth.volume_name(SYNSET, "aaaa")], "")
    assert volume["points"].dtype == np.float32
    inside = np.unpackbits(volume["occupancies"], count=len(volume["points"])).astype(bool)
    apart = np.abs(np.abs(volume["points"]) - half).min(axis=1) > 1e-4
    np.testing.assert_array_equal(inside[apart], (np.abs(volume["points"]) < half).all(axis=1)[apart])
