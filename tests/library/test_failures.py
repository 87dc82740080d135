"""The table of unusable shapes; what two categories name alike are two shapes, here and in the tables of results."""

import numpy as np
import pandas as pd
import pytest
from template3d.data import archives, manifests, samples
from template3d.evaluation import tables
from template3d.report.failures import failed_shapes, failures_table
from template3d.report.shapes_table import leaked, shapes_table
from template3d.runtime.errors import InputError


def write(folder, category, shard, unprepared=(), unsampled=()):
    """The manifest and the ``sdf.zip`` of a shard in which some shapes failed."""
    file = folder / "results/data" / category / shard / "manifest.json"
    manifests.write(file, {}, dict.fromkeys(unprepared, "has no faces"))
    flaw = InputError("no inside")
    archive = file.with_name("sdf.zip")
    archives.update(archive, dict.fromkeys(unsampled, "1"), lambda stale: ((s, flaw) for s in stale), "skip")
    return [file, archive]


@pytest.mark.parametrize(
    ("chairs", "sofas"),
    [
        ("train-00", "train-00"),
        ("train-00", "test-00"),  # in the training of one category and in the test of the other
        ("test-01", "train-00"),
    ],
)
def test_a_bad_shape_in_two_categories_counts_twice(tmp_path, chairs, sofas):
    files = write(tmp_path, "chairs", chairs, ["a"]) + write(tmp_path, "sofas", sofas, ["a"], ["b"])
    table = failures_table(files)
    assert table[["category", "split", "shape", "stage"]].to_numpy().tolist() == [
        ["chairs", chairs[:-3], "a", "prepare"],
        ["sofas", sofas[:-3], "a", "prepare"],
        ["sofas", sofas[:-3], "b", "sdf"],
    ]
    assert failed_shapes(table) == 3


def test_a_shape_that_failed_in_two_stages_counts_once(tmp_path):
    table = failures_table(write(tmp_path, "chairs", "train-00", ["a"], ["a"]))
    assert table["stage"].tolist() == ["prepare", "sdf"]
    assert failed_shapes(table) == 1
    assert failed_shapes(failures_table([])) == 0


def test_shapes_of_one_name_have_their_own_means():
    rows = {"shape": "a", "method": "two_phase", "views": "fixed", "view_kind": "easy", "status": "ok"}
    metrics = pd.DataFrame([rows | {"category": "chairs", tables.MEASURE: 1.0}, rows | {"category": "sofas"}])
    metrics.loc[1, tables.MEASURE] = 5.0
    table = tables.summary(metrics, ["two_phase"])
    assert table.set_index("category")[["mean", "listed"]].to_numpy().tolist() == [[1, 1], [5, 1]]


def test_a_test_shape_is_not_leaked_by_a_training_shape_of_another_category(tmp_path):
    entry = {"faces": 12, "components": 1, "watertight": True, "open_edges": 0, "hidden_share": 0.0, "extent": [1] * 3}
    manifest_files = [tmp_path / category / "manifest.json" for category in ("chairs/train-00", "sofas/test-00")]
    sides = {side: np.zeros((3, 4), np.float32) for side in samples.SIDES}
    for dropped, file in enumerate(manifest_files):
        manifests.write(file, {"a": entry | {"geometry": "same"}}, {})
        content = {samples.member_name("1", "a"): samples.to_bytes(sides, dropped)}
        archives.update(file.with_name("sdf.zip"), {"a": "1"}, lambda stale, content=content: [("a", content)])
    table = shapes_table(manifest_files, [file.with_name("sdf.zip") for file in manifest_files])
    assert table["samples_dropped"].tolist() == [0, 1]
    assert leaked(table) == {}
