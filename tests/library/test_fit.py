"""From a scan to a mesh: the command."""

import json
import subprocess
import sys

import numpy as np
import pytest
import stages
import trimesh
from template3d import __main__
from template3d.networks import models

RADIUS = 0.9


@pytest.fixture(scope="module")
def sphere():
    """A model of spheres that fill the unit sphere, as shapes of trained models do."""
    return stages.sphere_model(RADIUS)


@pytest.fixture
def folder(tmp_path, sphere, monkeypatch):
    """A folder with a model, a scan of its sphere, and the half of it that is seen from the front."""
    models.save(sphere, tmp_path / "model.safetensors", tmp_path / "model.json")
    points = np.random.default_rng(0).normal(size=(4000, 3))
    points *= RADIUS / np.linalg.norm(points, axis=1, keepdims=True)
    np.save(tmp_path / "scan.npy", points)
    np.save(tmp_path / "half.npy", points[points[:, 2] < 0])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["template3d", "fit", "--resolution", "32", *map(str, arguments)])
    __main__.main()


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply", ".stl"])
def test_the_command_writes_the_mesh_over_its_scan(folder, monkeypatch, capsys, suffix):
    run(monkeypatch, "scan.npy", "--model", folder, "-o", f"mesh{suffix}")
    mesh = trimesh.load(folder / f"mesh{suffix}", force="mesh")
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), RADIUS, atol=0.1)
    said = capsys.readouterr().out
    assert f"mesh{suffix}: {len(mesh.faces)} triangles; " in said
    assert "of its diagonal from the scan; " in said
    assert "POOR" not in said


def test_support_is_a_property_and_the_colour_of_each_vertex(folder, monkeypatch):
    run(monkeypatch, "half.npy", "--model", folder, "-o", "mesh.ply")
    mesh = trimesh.load(folder / "mesh.ply", process=False)
    support = mesh.metadata["_ply_raw"]["vertex"]["data"]["support"]
    seen, hidden = mesh.vertices[:, 2] < -0.1, mesh.vertices[:, 2] > 0.7
    assert support[seen].max() < 0.2 < 0.6 < support[hidden].min()
    red, _, blue, _ = mesh.visual.vertex_colors.T.astype(int)
    assert (blue[seen] >= red[seen]).mean() > 0.95
    assert (red[hidden] > blue[hidden]).all()


def test_colours_by_the_template_or_none(folder, monkeypatch):
    run(monkeypatch, "scan.npy", "--model", folder, "-o", "mesh.ply", "--colour", "template")
    mesh = trimesh.load(folder / "mesh.ply", process=False)
    # the untrained warp hardly moves a point: its template coordinates are nearly its own
    assert np.abs(mesh.visual.vertex_colors[:, :3] - 255 * (0.5 + mesh.vertices / 2)).mean() < 40
    run(monkeypatch, "scan.npy", "--model", folder, "-o", "plain.ply", "--colour", "none")
    assert trimesh.load(folder / "plain.ply", process=False).visual.kind is None


def test_a_scan_of_another_unit_axis_and_position_keeps_its_frame(folder, monkeypatch, capsys):
    moved = 812 * np.load("scan.npy") + [1000, 0, 5]
    np.save("scan.npy", moved)
    arguments = ["scan.npy", "--model", folder, "--up", "z", "--front", "-y", "--align", "scale", "--details"]
    run(monkeypatch, *arguments, "-o", "mesh.ply")
    mesh = trimesh.load("mesh.ply", process=False)
    np.testing.assert_allclose(mesh.bounds.mean(axis=0), [1000, 0, 5], atol=60)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), 2 * RADIUS * 812, rtol=0.15)
    assert "; scaled by 0.001" in capsys.readouterr().out
    details = json.loads((folder / "mesh.fit.json").read_text())
    assert len(details["code"]) == 8
    scale, rotation, shift = (np.array(details["to_unit"][name]) for name in ("scale", "rotation", "shift"))
    np.testing.assert_allclose(np.linalg.norm(scale * moved @ rotation.T + shift, axis=1).mean(), RADIUS, atol=0.1)
    np.testing.assert_allclose(rotation @ [0, 0, 1], [0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(rotation @ [0, -1, 0], [0, 0, -1], atol=1e-9)
    run(monkeypatch, *arguments, "-o", "unit.ply", "--frame", "unit")
    np.testing.assert_allclose(np.linalg.norm(trimesh.load("unit.ply").vertices, axis=1), RADIUS, atol=0.1)


def test_several_scans_and_a_broken_one(folder, monkeypatch, capsys):
    (folder / "scans").mkdir()
    for name in ("scan.npy", "half.npy"):
        (folder / name).rename(folder / "scans" / name)
    (folder / "scans/broken.ply").write_bytes(b"no ply")
    with pytest.raises(SystemExit, match="1 of 3 failed, as said above"):
        run(monkeypatch, "scans", "--model", folder, "-o", "out", "--format", "stl,ply", "--sensor", 0, -1, -3)
    said = capsys.readouterr()
    assert "broken.ply: cannot be read as PLY" in said.err
    assert len(said.out.splitlines()) == 2
    assert sorted(file.name for file in (folder / "out").iterdir()) == ["half.ply", "half.stl", "scan.ply", "scan.stl"]


def test_a_scan_of_something_else_is_said_to_fit_badly(folder, monkeypatch, capsys):
    np.save("scan.npy", np.random.default_rng(0).uniform(-0.6, 0.6, size=(500, 3)))
    run(monkeypatch, "scan.npy", "--model", folder, "-o", "mesh.ply")
    assert "a POOR fit: unless the scan is noisy, check" in (said := capsys.readouterr().out)
    assert "or add --align scale,turn" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["scan.npy", "-o", "mesh.off"], "must end with .glb or .obj or .ply or .stl, or be a folder with --format$"),
        (["scan.npy", "half.npy", "-o", "mesh.glb"], "-o is mesh.glb, one file; for several scans or formats"),
        (["scan.npy", "scan.npy", "-o", "out"], "scan.npy and scan.npy: their meshes would have one name, scan"),
        (["scan.npy", "-o", "out", "--format", "fbx"], "--format has 'fbx', but knows only glb, obj, ply, stl$"),
        (["empty", "-o", "out"], "empty: holds no scan .*.ply"),
        (["missing.ply", "-o", "mesh.glb"], "missing.ply: No such file or directory"),
        (["scan.npy", "-o", "scan.npy/mesh.glb"], "cannot be written .a part of its path is a file"),
        (["scan.npy", "-o", "m.glb", "--align", "size"], "--align has 'size', but knows only scale and turn$"),
        (["scan.npy", "-o", "m.glb", "--up", "z"], "--up is z: give --front, too, or add turn to --align"),
        (["scan.npy", "-o", "m.glb", "--up", "-z", "--front", "z"], "--up -z and --front z are one axis"),
        (["scan.npy", "-o", "m.glb", "--front", "-y"], "--up y and --front -y are one axis"),
        (["scan.npy", "-o", "m.glb", "--sensor", "0", "nan", "0"], "--sensor must be three finite numbers"),
        (["scan.npy", "-o", "m.glb", "--resolution", "33"], "--resolution is 33, but must be a multiple of 32"),
        (["large.npy", "-o", "m.glb"], "large.npy: reaches 730.8 from the origin, .* within 1; add --align scale"),
        (["scan.npy", "-o", "m.glb", "--model", "empty"], "no model.safetensors in empty; nor a folder with one"),
    ],
)
def test_a_mistake_ends_the_command_with_a_sentence(folder, monkeypatch, arguments, sentence):
    (folder / "empty").mkdir()
    np.save("large.npy", 812 * np.load("scan.npy"))
    before = sorted(folder.iterdir())
    with pytest.raises(SystemExit, match=sentence) as stopped:
        run(monkeypatch, "--model", folder, *arguments)
    assert "\n" not in str(stopped.value)
    assert sorted(folder.iterdir()) == before


def test_any_model_with_codes_will_do_and_the_choice_is_listed(folder, sphere, monkeypatch):
    sphere.encoder = None  # as that of phase 1
    for name in ("embeddings", "other"):
        models.save(sphere, folder / name / "model.safetensors", folder / name / "model.json")
    run(monkeypatch, "scan.npy", "--model", folder / "embeddings", "-o", "mesh.glb", "--quiet")
    (folder / "model.safetensors").unlink()
    with pytest.raises(SystemExit, match="it has embeddings, other: add one to the path"):
        run(monkeypatch, "scan.npy", "--model", folder, "-o", "mesh.glb")
    codes, sphere.codes = sphere.codes, None
    models.save(sphere, folder / "other/model.safetensors", folder / "other/model.json")
    sphere.codes = codes
    with pytest.raises(SystemExit, match="has no codes of training shapes, among which a fit starts; use another"):
        run(monkeypatch, "scan.npy", "--model", folder / "other", "-o", "mesh.glb")


def test_help_and_mistakes_load_neither_pytorch_nor_matplotlib():
    program = "import sys; from template3d import fit\ntry: fit.main({arguments})\nexcept SystemExit: pass\n"
    program += "print(sorted(name for name in ('torch', 'matplotlib', 'bpy') if name in sys.modules))"
    for arguments in (["--help"], ["missing.ply", "--model", "nowhere", "-o", "a.glb"]):
        command = [sys.executable, "-c", program.format(arguments=arguments)]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        assert said.stdout.splitlines()[-1] == "[]", said.stdout + said.stderr
