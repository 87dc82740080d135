import numpy as np
import pytest
import trimesh
from template3d.data import labels
from template3d.geometry.normalization import Normalization
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

UNIT = Normalization(np.zeros(3), 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffx,y,z,label\n0.5,0.25,0,seat\n",
        "x;y;z;label\n0,5;0,25;0;seat\n",
        "x;y;z;label\n0.5;0.25;0;seat\n",
        "x\ty\tz\tlabel\n0.5\t0.25\t0\tseat\n",
        "sep=;\nx;y;z;label\n0,5;0,25;0;seat\n",
        '"sep=,"\r\nx,y,z,label\r\n0.5,0.25,0,seat\r\n',
        "SEP=|\nx|y|z|label\n0,5|0,25|0|seat\n",
        "sep=\t\nx\ty\tz\tlabel\n0.5\t0.25\t0\tseat\n",
        "x\ty\tz\tlabel\r\n0,5\t0,25\t0\tseat\r\n",
        "X, Y, Z, Label\n 0.5 , 0.25, 0, seat \n",
        '"x","y","z","label"\n"0.5","0.25","0","seat"\n',
        "label;Z;Y;X;note;;\nseat;0;0,25;0,5;one, two;;\n;;;;;;\n",
        "\n;;;\nx;y;z;label\r0,5;,25;0;seat\r",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_labels_come_from_what_spreadsheets_write(tmp_path, text, encoding):
    (tmp_path / "a.CSV").write_bytes(text.removeprefix("\ufeff").encode(encoding))
    labelled = labels.read_labels(tmp_path / "a.CSV", UNIT)
    assert labelled.points.tolist() == [[0.5, 0.25, 0]]
    assert labelled.labels.tolist() == ["seat"]


def test_a_label_may_have_commas(tmp_path):
    (tmp_path / "a.csv").write_text('x,y,z,label\n0,0,0,"left, front"\n')
    assert labels.read_labels(tmp_path / "a.csv", UNIT).labels.tolist() == ["left, front"]
    (tmp_path / "a.csv").write_text("x;y;z;label\n0,5;0;0;left, front\n")
    assert labels.read_labels(tmp_path / "a.csv", UNIT).labels.tolist() == ["left, front"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x,y,z,label\n0,5,0,25,0,seat\n", "line 2 has 6 cells, but there are 4 columns; .* decimal points"),
        ("x,y,z,label\n0,0,0,left, front\n", "line 2 has 5 cells, .*a label with a comma needs quotes"),
        ('x,y,z,label\n"0,5",0,0,seat\n', "line 2 has '0,5' for x; write a decimal point"),
        ("x;y;z;label\n0,5;0.5;0;seat\n", r"decimal points \(line 2\) and commas \(line 2\)"),
        ("x;y;z;label\n1.000,5;0;0;seat\n", "line 2 has '1.000,5' for x, which is not a number"),
        ("x;y;z;label\n0;0;0;seat\n0;0;0;\n", "line 3 has no label"),
        ("x,y,z,label\n0,0,0\n", "line 2 has no label"),
        ("label,x,y,z\nseat,1\n", "line 2 has '' for y, which is not a number"),
        ('x,y,z,label\n0,0,0," "\n', "line 2 has no label"),
        ("x,y,z,label\n0,1e999,0,seat\n", "line 2 has '1e999' for y, which is not finite"),
        ("x,y,z,label\n0,1_0,0,seat\n", "line 2 has '1_0' for y, which is not a number"),
        ("x y z label\n0 0 0 seat\n", "line 1 names no column x: 'x y z label'"),
        ("x,y,x,z,label\n0,0,0,0,seat\n", "line 1 names 2 columns x"),
        ("sep=;\nx;y;z;label\n0;0;0;\n", "line 3 has no label"),
        ('x,y,z,label\n0,0,0,"seat\n', "line 2 cannot be read: its quotes are wrong"),
        ("x,y,z,label\n\n", "has a header but no points"),
    ],
)
def test_a_flaw_of_labels_is_named_with_its_line(tmp_path, text, reason):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=rf"a\.csv: .*{reason}"):
        labels.read_labels(tmp_path / "a.csv", UNIT)


def test_labels_come_from_csv_and_painted_ply(tmp_path):
    (tmp_path / "a.csv").write_text("x,y,z,label\n0,0,0,seat\n0.1,0.2,-3e-1,leg\n")
    painted = labels.read_labels(tmp_path / "a.csv", UNIT)
    assert painted.labels.tolist() == ["seat", "leg"]
    np.testing.assert_allclose(painted.points[1], [0.1, 0.2, -0.3])
    box = trimesh.creation.box()
    box.visual.vertex_colors = np.tile([[10, 20, 30, 255]], (8, 1))
    box.export(tmp_path / "a.ply")
    painted = labels.read_labels(tmp_path / "a.ply", UNIT)
    assert painted.labels.tolist() == [[10, 20, 30]] * 8


@pytest.mark.parametrize(
    "text", ["", "x,y,z\n1,2,3\n", "x,y,z,label\n", "x,y,z,label\n1,b,3,seat\n", "x,y,z,label\n1,nan,3,seat\n"]
)
def test_broken_labels_are_named(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=r"a\.csv"):
        labels.read_labels(tmp_path / "a.csv", UNIT)


def test_labels_that_would_fill_the_memory_are_named(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("x,y,z,label\n1,2,3," + "seat" * 100 + "\n1,2,3,b\n")
    with pytest.raises(InputError, match="a label has more than 200 characters"):
        labels.read_labels(file, UNIT)
    with pytest.raises(InputError, match=r"more than limits\.mesh_mb"):
        labels.read_labels(file, UNIT, Limits(mesh_mb=1e-6))


def test_a_broken_ply_is_named(tmp_path):
    (tmp_path / "a.ply").write_bytes(b"ply\nbroken")
    with pytest.raises(InputError, match=r"a\.ply"):
        labels.read_labels(tmp_path / "a.ply", UNIT)


def test_colours_come_from_a_painted_mesh(tmp_path):
    red, blue = (
        trimesh.creation.box(),
        trimesh.creation.box(transform=trimesh.transformations.translation_matrix([3, 0, 0])),
    )
    for box, colour in ((red, [250, 0, 0, 255]), (blue, [0, 0, 250, 255])):
        box.visual = trimesh.visual.TextureVisuals(material=trimesh.visual.material.PBRMaterial(baseColorFactor=colour))
    trimesh.Scene([red, blue]).export(tmp_path / "a.glb")
    painted = labels.read_labels(tmp_path / "a.glb", UNIT)
    left = painted.points[:, 0] < 1.5
    assert 0.45 < left.mean() < 0.55  # as many points on either box
    assert len(np.unique(painted.labels[left], axis=0)) == len(np.unique(painted.labels[~left], axis=0)) == 1
    assert painted.labels[left][0].argmax() == 0
    assert painted.labels[~left][0].argmax() == 2
