import json

import numpy as np
import pytest
from template3d.data import keypoints
from template3d.runtime.errors import InputError

ENTRY = {
    "class_id": "03001627",
    "model_id": "a",
    "keypoints": [
        {
            "xyz": [0.1, 0.2, 0.3],
            "rgb": [1, 2, 3],
            "semantic_id": 4,
            "mesh_info": {"face_index": 0, "face_uv": [1, 0, 0]},
        },
        {"xyz": [0.4, 0.5, 0.6], "rgb": [1, 2, 3], "semantic_id": 17, "pcd_info": {"point_index": 3}},
    ],
    "symmetries": {"reflection": [{"kp_indexes": [0, 1]}], "rotation": []},
}
OTHER = ENTRY | {"class_id": "02691156", "model_id": "b"}


def test_keypointnets_annotations_are_read(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps([OTHER, ENTRY]))
    found = keypoints.read(tmp_path / "all.json", "03001627")
    assert {shape: {name: point.tolist() for name, point in points.items()} for shape, points in found.items()} == {
        "a": {"4": [0.1, 0.2, 0.3], "17": [0.4, 0.5, 0.6]}
    }


def test_a_table_holds_several_shapes(tmp_path):
    (tmp_path / "a.csv").write_text("shape;name;x;y;z\na;nose;0,5;0;0\nb;nose;0;0,25;0\na;tail;0;0;1\n")
    found = keypoints.read(tmp_path / "a.csv", "03001627")
    assert {shape: list(points) for shape, points in found.items()} == {"a": ["nose", "tail"], "b": ["nose"]}
    assert found["b"]["nose"].tolist() == [0, 0.25, 0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ({"a": 1}, "must be a list of shapes"),
        ([OTHER], "has no keypoints of synset 03001627"),
        ([{"model_id": "a"}], "entry 0 is not as in KeypointNet's annotations: lacks 'class_id'"),
        ([OTHER, ENTRY | {"keypoints": [{"semantic_id": 1}]}], "entry 1 .* lacks 'xyz'"),
        ([ENTRY | {"keypoints": [{"xyz": [1, 2], "semantic_id": 1}]}], r"xyz is \[1, 2\]"),
        ([ENTRY | {"keypoints": [{"xyz": [1, 2, None], "semantic_id": 1}]}], "entry 0"),
        ([ENTRY | {"keypoints": None}], "entry 0"),
        ([ENTRY, ENTRY], "shape a has two keypoints 4"),
    ],
)
def test_a_flaw_of_annotations_is_named(tmp_path, content, reason):
    (tmp_path / "a.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError, match=rf"a\.json: .*{reason}"):
        keypoints.read(tmp_path / "a.json", "03001627")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("shape,x,y,z\na,0,0,0\n", "line 1 names no column name"),
        ("shape,name,x,y,z\na,,0,0,0\n", "line 2 has no name; add it or delete the line"),
        ("shape,name,x,y,z\na,nose,0,0,0\na,nose,1,0,0\n", "shape a has two keypoints nose"),
        ("shape,name,x,y,z\na,nose,0,0,b\n", "line 2 has 'b' for z"),
    ],
)
def test_a_flaw_of_a_table_is_named(tmp_path, text, reason):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=rf"a\.csv: .*{reason}"):
        keypoints.read(tmp_path / "a.csv", "03001627")


def test_keypoints_in_another_frame_are_refused():
    points = {"nose": np.zeros(3), "tail": np.ones(3)}
    keypoints.check("a.json: a", points, np.array([0.01, 0.05]))
    with pytest.raises(InputError, match=r"a\.json: a: keypoint tail is 0\.300 off the surface"):
        keypoints.check("a.json: a", points, np.array([0.01, 0.3]))
