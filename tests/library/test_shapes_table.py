"""The table of all shapes: measures, dropped samples, identical geometry, known faults."""

import numpy as np
import pandas as pd
import trimesh
from template3d.data import archives, manifests, samples, shapenet
from template3d.geometry import meshes
from template3d.report.shapes_table import COLUMNS, leaked, shapes_table

ENTRY = {"faces": 12, "components": 1, "watertight": True, "open_edges": 0, "hidden_share": 0.0, "extent": [1, 2, 3]}


def test_the_table_has_a_row_for_each_shape_and_names_twins(tmp_path):
    geometries = {
        ("chairs", "train-00"): {"a": "1", "b": "2", "c": "1"},
        ("chairs", "train-01"): {"d": "3"},
        ("chairs", "test-00"): {"x": "1", "y": "4"},
        ("sofas", "test-00"): {"a": "1"},
    }
    manifest_files, sdf_shards = [], []
    for (category, shard), shapes in geometries.items():
        folder = tmp_path / "data" / category / shard
        good = {shape: ENTRY | {"geometry": digest} for shape, digest in shapes.items()}
        if "y" in good:
            good["y"]["known_fault"] = "broken (somebody)"
        manifests.write(folder / "manifest.json", good, {"z": "has no faces"})
        sides = {"pos": np.zeros((3, 4), np.float32), "neg": np.zeros((2, 4), np.float32)}
        made = {shape: {samples.member_name("1", shape): samples.to_bytes(sides, len(shape) + 6)} for shape in shapes}
        archives.update(folder / "sdf.zip", shapes, lambda stale, made=made: ((shape, made[shape]) for shape in stale))
        manifest_files.append(folder / "manifest.json")
        sdf_shards.append(folder / "sdf.zip")
    table = shapes_table(manifest_files, sdf_shards)
    assert list(table.columns) == COLUMNS
    assert table[["category", "split", "shape"]].to_numpy().tolist() == [
        *(["chairs", "test", shape] for shape in "xy"),
        *(["chairs", "train", shape] for shape in "abcd"),
        ["sofas", "test", "a"],
    ]
    by_name = table.set_index(["category", "split", "shape"])
    assert by_name.loc["chairs", "test", "x"]["same_geometry"] == "train/a train/c"
    assert by_name.loc["chairs", "train", "c"]["same_geometry"] == "test/x train/a"
    assert by_name["same_geometry"].notna().sum() == 3
    assert by_name.loc["chairs", "test", "y"]["known_fault"] == "broken (somebody)"
    assert (table["samples_dropped"] == 7).all()
    assert (table[["extent_x", "extent_y", "extent_z"]] == [1, 2, 3]).all(axis=None)
    assert leaked(table) == {"chairs": 1}
    assert leaked(table[table["split"] == "test"].assign(same_geometry=pd.NA)) == {}


def test_a_fingerprint_is_that_of_the_set_of_triangles():
    box = trimesh.creation.box([1, 2, 3])
    rng = np.random.default_rng(0)
    triangles = np.stack([np.roll(triangle, rng.integers(3), axis=0) for triangle in box.triangles])[
        rng.permutation(12)
    ]
    triangles[::2] = triangles[::2, ::-1]
    other = trimesh.Trimesh(triangles.reshape(-1, 3), np.arange(36).reshape(-1, 3), process=False)
    assert meshes.fingerprint(box) == meshes.fingerprint(other)
    assert meshes.fingerprint(box) != meshes.fingerprint(trimesh.creation.box([1, 2, 3.0001]))
    assert meshes.fingerprint(box) != meshes.fingerprint(trimesh.Trimesh(box.vertices, box.faces[1:], process=False))


def test_known_faults_are_read_by_synset_and_shape(tmp_path):
    (tmp_path / "faults.csv").write_text("synset,shape,fault,source\n03001627,a,no texture,b issue 1\n")
    assert shapenet.known_faults(tmp_path / "faults.csv") == {"03001627": {"a": "no texture (b issue 1)"}}
