"""Transfer and its evaluation, with warps that are known maps: the identity, and another affine one for each code."""

import zipfile
from io import BytesIO

import numpy as np
import pytest
import torch
import trimesh
from template3d.data import surface_colours
from template3d.data.labels import LabelledPoints
from template3d.geometry.normalization import Normalization
from template3d.jobs import correspondence
from template3d.jobs.keypoints import KeypointTransfer, read_keypoints
from template3d.jobs.template_map import TemplateMap
from template3d.jobs.transfer import LabelTransfer, read_labels
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL

CUBE = np.random.default_rng(0).uniform(-0.3, 0.3, (400, 3))
"""A shape in the template."""
STRETCHES = {"a": [1.0, 1, 1], "b": [0.5, 1, 1.2], "c": [1.3, 0.6, 1], "d": [1, 0.7, 0.4]}
SHIFTS = {"a": [0.0, 0, 0], "b": [0.1, 0, 0], "c": [0, -0.1, 0.1], "d": [0.05, 0, 0]}
CORNERS = {"low": CUBE[0], "high": CUBE[1], "left": CUBE[2]}


class AffineWarp(torch.nn.Module):
    """Undoes the stretch and the shift that a code (6,) holds."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def warp(self, codes, points):
        return ((points - codes[:, None, 3:]) / codes[:, None, :3])[None]


def placed(shape, points):
    """Points of the template where a shape has them."""
    return np.asarray(points) * STRETCHES[shape] + SHIFTS[shape]


@pytest.fixture
def template_map():
    codes = {shape: torch.tensor([*STRETCHES[shape], *SHIFTS[shape]]) for shape in STRETCHES}
    unit = Normalization(np.array([0.01, 0.0, 0.0]), 1.0)
    normalizations = dict.fromkeys(STRETCHES, unit)

    class Shifted(AffineWarp):
        def warp(self, codes, points):  # the normalization moves points, too
            return super().warp(codes, points - torch.tensor([0.01, 0, 0]))

    return TemplateMap(Shifted(), codes, normalizations)


SURFACES = {shape: placed(shape, CUBE) for shape in STRETCHES}
KEYPOINTS = {shape: {name: placed(shape, point) for name, point in CORNERS.items()} for shape in STRETCHES}
SIDES = np.where(CUBE[:, 0] > 0, "right", "left")
LABELS = {shape: LabelledPoints(SURFACES[shape], SIDES) for shape in STRETCHES}


def evaluated(methods, keypoints=KEYPOINTS, labels=LABELS, sources=1):
    splits = {"train": ["a", "b"], "test": ["c", "d"]}
    evaluation = correspondence.Evaluation("chairs", splits, SURFACES, keypoints, labels, methods, sources)
    return evaluation.table()


def test_a_warp_that_knows_the_shapes_is_always_right(template_map):
    table = evaluated({"template": template_map})
    exact = table[table["method"] == "template"]
    assert exact["shape"].tolist() == ["b", "c", "d"]  # a is the source
    assert exact["split"].tolist() == ["train", "test", "test"]
    assert exact["keypoint_error"].max() < 1e-6
    assert (exact[["pck_0.01", "part_iou", "part_accuracy"]] == 1).all(axis=None)
    assert (table[table["method"] == "best"]["keypoint_error"] == 0).all()


def test_the_identity_is_the_nearest_point():
    table = evaluated({"space": lambda shape, points: points}).set_index(["shape", "method"])
    for shape in "bcd":
        carried = np.array(
            [
                SURFACES[shape][np.linalg.norm(SURFACES[shape] - point, axis=1).argmin()]
                for point in KEYPOINTS["a"].values()
            ]
        )
        expected = np.linalg.norm(carried - np.array(list(KEYPOINTS[shape].values())), axis=1).mean()
        assert table.loc[(shape, "space"), "keypoint_error"] == pytest.approx(expected)


def test_matched_boxes_undo_stretches_and_shifts():
    table = evaluated({"box": correspondence.in_boxes(SURFACES)})
    assert table["keypoint_error"].max() < 1e-9
    flat = {"a": np.array([[0.0, 0, 0], [1, 0, 2]])}
    assert correspondence.in_boxes(flat)("a", flat["a"]).tolist() == [[0, 0, 0], [1, 0, 1]]


def test_keypoints_that_a_shape_lacks_do_not_count(template_map):
    lacking = KEYPOINTS | {"c": {"low": KEYPOINTS["c"]["low"]}, "d": {"other": KEYPOINTS["d"]["low"]}}
    table = evaluated({"template": template_map}, lacking, labels={})
    assert table["shape"].unique().tolist() == ["b", "c"]  # d shares none with the source
    assert table["part_iou"].isna().all()


def test_annotations_of_one_shape_cannot_be_compared(template_map):
    with pytest.raises(InputError, match="chairs: keypoints of 1 of its usable shapes are known"):
        evaluated({"template": template_map}, {"a": KEYPOINTS["a"]}, {})


def test_keypoints_of_no_common_name_cannot_be_compared(template_map):
    alone = {shape: {f"only on {shape}": KEYPOINTS[shape]["low"]} for shape in KEYPOINTS}
    with pytest.raises(InputError, match="chairs: no other shape has a keypoint of the same name"):
        evaluated({"template": template_map}, alone, {})


def test_sources_leave_a_target_and_are_training_shapes_if_any_is_annotated(template_map):
    assert evaluated({"template": template_map}, sources=9)["shape"].unique().tolist() == ["c", "d"]
    tests_only = {shape: KEYPOINTS[shape] for shape in "cd"}
    assert evaluated({"template": template_map}, tests_only, {}, 9)["shape"].unique().tolist() == ["d"]


def test_keypoints_are_carried_to_every_shape(template_map, tmp_path):
    transfer = KeypointTransfer(template_map, {"a": KEYPOINTS["a"], "b": {"low": KEYPOINTS["b"]["low"]}})
    meshes = {shape: trimesh.PointCloud(points).convex_hull for shape, points in SURFACES.items()}
    transfer.write(tmp_path / "made.csv", tmp_path / "made.zip", SURFACES, meshes)
    again = read_keypoints([tmp_path / "made.csv"], "chairs", "03001627", SURFACES, USUAL)
    assert list(again) == list("abcd")
    for shape in "abcd":
        for name in CORNERS:
            np.testing.assert_allclose(again[shape][name], KEYPOINTS[shape][name], atol=1e-5)
    with zipfile.ZipFile(tmp_path / "made.zip") as made:
        mesh = trimesh.load(BytesIO(made.read("c.glb")), file_type="glb", force="mesh")
    assert set(zipfile.ZipFile(tmp_path / "made.zip").namelist()) == {f"{shape}.glb" for shape in "abcd"}
    balls = [mesh.vertices[(mesh.visual.vertex_colors == colour).all(axis=1)] for colour in mesh.visual.vertex_colors]
    middles = {tuple(ball.mean(axis=0).round(3)) for ball in balls if len(ball) == 162}
    assert middles == {tuple(point.round(3)) for point in KEYPOINTS["c"].values()}


def test_a_shape_keeps_its_own_keypoints(template_map):
    moved = {name: point + 0.001 for name, point in KEYPOINTS["b"].items()}
    found = KeypointTransfer(template_map, {"a": KEYPOINTS["a"], "b": moved}).positions("b", SURFACES["b"])
    assert all((found[name] == moved[name]).all() for name in CORNERS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("shape,name,x,y,z\nzzzz,low,0,0,0\n", "zzzz is no usable shape of chairs"),
        ("shape,name,x,y,z\na,low,3,0,0\n", "a: keypoint low is .* off the surface"),
    ],
)
def test_keypoints_of_other_shapes_or_frames_are_refused(tmp_path, text, reason):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_keypoints([tmp_path / "a.csv"], "chairs", "03001627", SURFACES, USUAL)


def test_of_keypointnet_the_other_shapes_are_left_out(tmp_path):
    text = '[{"class_id": "03001627", "model_id": "zzzz", "keypoints": [{"xyz": [0, 0, 0], "semantic_id": 1}]}]'
    (tmp_path / "chair.json").write_text(text)
    with pytest.raises(InputError, match=r"chair\.json: annotates no shape of chairs that this run uses"):
        read_keypoints([tmp_path / "chair.json"], "chairs", "03001627", SURFACES, USUAL)


def test_colours_are_painted_on_every_mesh(template_map, tmp_path):
    """The left half is red, and stays the left half of the template."""
    colours = np.where(CUBE[:, :1] > 0, [[0, 0, 255]], [[255, 0, 0]]).astype(np.uint8)
    labelled = {"a": LabelledPoints(SURFACES["a"], colours)}
    meshes = {
        shape: trimesh.creation.box(bounds=[points.min(axis=0), points.max(axis=0)])
        for shape, points in SURFACES.items()
    }
    LabelTransfer(template_map, labelled).write(tmp_path / "made.zip", SURFACES, meshes)
    with zipfile.ZipFile(tmp_path / "made.zip") as made:
        assert set(made.namelist()) == {f"{shape}{end}" for shape in "abcd" for end in (".ply", ".glb")}
        for shape in "bcd":
            (tmp_path / f"{shape}.glb").write_bytes(made.read(f"{shape}.glb"))
            points, seen = surface_colours.sampled(tmp_path / f"{shape}.glb")
            across = (points[:, 0] - SHIFTS[shape][0]) / STRETCHES[shape][0]
            sure = np.abs(across) > 0.15  # farther from the border than samples are apart
            assert ((seen[sure, 0] == 255) == (across[sure] < 0)).mean() > 0.99


def test_label_files_are_checked_together(template_map, tmp_path):
    (tmp_path / "a.csv").write_text("x,y,z,label\n0,0,0,left\n")
    (tmp_path / "zzzz.csv").write_text("x,y,z,label\n0,0,0,left\n")
    trimesh.PointCloud(np.zeros((2, 3)), [[1, 2, 3, 255]] * 2).export(tmp_path / "a.ply")
    trimesh.PointCloud(np.zeros((2, 3)), [[1, 2, 3, 255]] * 2).export(tmp_path / "b.ply")
    for names, reason in (
        (["a.csv", "zzzz.csv"], "zzzz is no usable shape of chairs"),
        (["a.csv", "a.ply"], "another file labels a too"),
        (["a.csv", "b.ply"], r"b\.ply: holds colours, but another file does not"),
    ):
        with pytest.raises(InputError, match=reason):
            read_labels([tmp_path / name for name in names], "chairs", template_map, SURFACES, USUAL)


def test_part_points_of_another_frame_are_refused(template_map, tmp_path):
    """The radius of the normalization is 1 / 1.03, so points of a far smaller shape do not fit."""
    rows = "".join(f"{x} {y} {z} 0 0 1 3\n" for x, y, z in CUBE)
    (tmp_path / "a.txt").write_text(rows)
    with pytest.raises(InputError, match=r"a\.txt: its points are .* off the surface on average"):
        read_labels([tmp_path / "a.txt"], "chairs", template_map, SURFACES, USUAL)
    (tmp_path / "zzzz.txt").write_text(rows)
    assert read_labels([tmp_path / "zzzz.txt"], "chairs", template_map, SURFACES, USUAL) == {}
