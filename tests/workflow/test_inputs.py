"""What the workflow says to a wrong configuration, to bad and missing meshes, and to split lists from elsewhere."""

import functools
import hashlib
import json
import os
import shutil
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
import trimesh
import yaml
from PIL import Image
from pipeline import copied, snakemake, write_category


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"phase1": {"epoch": 3}}, "there is no key phase1.epoch; did you mean epochs?"),
        ({"phase1": {"epochs": "many"}}, "phase1.epochs is 'many', but must be of type integer"),
        ({"views": {"easy": 0}}, "views.easy is 0, but must be at least 1"),
        ({"sdf": {"backend": "guess"}}, "sdf.backend is 'guess', but must be one of: rays, mesh_to_sdf"),
        ({"confirm": "no"}, "confirm is 'no', but must be one of: ask, yes"),
        ({"shapenet": "/no/such/folder"}, "shapenet is /no/such/folder, but there is no such folder"),
        ({"categories": {"benches": {"shards": 1}}}, "categories.benches.train is missing"),
        ({"reconstruct": {"fixed_view": 3}}, "there are only 3 easy views"),
    ],
)
def test_a_wrong_configuration_stops_with_one_sentence(tmp_path, wrong, sentence):
    run = snakemake(tmp_path, "--dry-run", over=wrong)
    assert run.returncode != 0
    text = run.stdout + run.stderr
    assert sentence in text
    assert "Traceback" not in text
    assert not (tmp_path / "results").exists()


def test_bad_meshes_stop_by_name_or_are_skipped_and_counted(tmp_path):
    box = "v 0 0 0\nv .5 0 0\nv 0 .5 0\nv 0 0 .5\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
    sheet = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
    meshes = {"aaaa": box, "bbbb": "v 0 0 0\n", "cccc": sheet, "dddd": box, "eeee": box.replace(".5", "50")}
    for shape, text in meshes.items():
        file = tmp_path / f"meshes/03001627/{shape}/models/model_normalized.obj"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    (tmp_path / "train.txt").write_text("aaaa\nbbbb\ncccc\neeee\n")
    (tmp_path / "test.txt").write_text("dddd\n")
    chairs = {"shards": 1, "train": "train.txt", "test": "test.txt"}
    mine = {"shapenet": "meshes", "categories": {"chairs": chairs, "planes": None}}
    target = "results/data/chairs/train-00/sdf.zip"
    stopped = snakemake(tmp_path, "--", target, over=mine)
    assert stopped.returncode != 0
    assert "bbbb/models/model_normalized.obj: " in stopped.stdout + stopped.stderr
    assert "set on_bad_mesh: skip" in stopped.stdout + stopped.stderr
    skipped = snakemake(tmp_path, "--", target, over=mine | {"on_bad_mesh": "skip"})
    assert skipped.returncode == 0, skipped.stdout + skipped.stderr
    failed = json.loads((tmp_path / "results/data/chairs/train-00/manifest.json").read_text())["failed"]
    assert set(failed) == {"bbbb", "cccc", "eeee"}
    assert "no inside" in failed["cccc"]
    assert "its box has diagonal 86.6, but in ShapeNet's layout a mesh has 1" in failed["eeee"]
    assert zipfile.ZipFile(tmp_path / target).namelist() == [
        f"SdfSamples/ShapeNetV2/03001627/{shape}.npz" for shape in ("aaaa",)
    ]
    listed = snakemake(tmp_path, "--", "results/data/failed.csv", over=mine | {"on_bad_mesh": "skip"})
    assert listed.returncode == 0, listed.stdout + listed.stderr
    table = pd.read_csv(tmp_path / "results/data/failed.csv", dtype=str)
    assert table[["category", "split", "shape", "stage"]].to_numpy().tolist() == [
        ["chairs", "train", "bbbb", "prepare"],
        ["chairs", "train", "cccc", "prepare"],
        ["chairs", "train", "eeee", "prepare"],
    ]
    assert "3 of 5 listed shapes failed" in (tmp_path / "results/logs/failures.log").read_text()


@pytest.fixture
def website(tmp_path):
    """A folder, and its address on a web server."""
    (tmp_path / "site").mkdir()
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path / "site")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path / "site", f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_split_lists_are_fetched_once_with_their_checksum(tmp_path, website):
    site, address = website
    ids = write_category(tmp_path, "chairs", 2, 1)
    split = json.dumps({"ShapeNetV2": {"03001627": ids[:2]}}).encode()
    (site / "train.json").write_bytes(split)

    def chairs(sha256):
        listed = {"url": f"{address}/train.json", "sha256": sha256}
        return {"categories": {"chairs": {"train": listed, "shards": 1}, "planes": None}}

    run = snakemake(tmp_path, "--dry-run", over=chairs("0" * 64))
    assert run.returncode != 0
    assert "train.json: the downloaded file has the SHA-256" in run.stdout + run.stderr
    sha256 = hashlib.sha256(split).hexdigest()
    run = snakemake(tmp_path, "--dry-run", over=chairs(sha256))
    assert run.returncode == 0, run.stdout + run.stderr
    (site / "train.json").unlink()  # from here on, the copy is enough
    assert snakemake(tmp_path, "--dry-run", over=chairs(sha256)).returncode == 0
    (copy,) = (tmp_path / "results/splits").iterdir()
    copy.write_text(json.dumps([ids[0]]))
    run = snakemake(tmp_path, "--dry-run", over=chairs(sha256))
    assert run.returncode != 0
    assert f"{copy.name}: was changed after it was fetched" in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    shutil.rmtree(tmp_path / "results")
    run = snakemake(tmp_path, "--dry-run", over=chairs(sha256))
    assert run.returncode != 0
    assert "train.json" in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    address += "/../../../../.."  # of the place where copies of what is fetched lie
    run = snakemake(tmp_path, "--dry-run", over=chairs("1" * 64))  # another checksum: no copy of it is there
    assert "is no address of a split list" in run.stdout + run.stderr


def test_shapes_without_a_mesh_stop_by_name_or_are_skipped_and_counted(tmp_path):
    ids = write_category(tmp_path, "chairs", 3, 1)
    shutil.rmtree(tmp_path / "meshes/03001627" / ids[1])
    chairs = {"categories": {"planes": None, "chairs": {"shards": 1}}}
    run = snakemake(tmp_path, "--dry-run", over=chairs)
    assert run.returncode != 0
    assert f"no mesh of 1 of the 3 train shapes of chairs ({ids[1]})" in run.stdout + run.stderr
    run = snakemake(tmp_path, "--", "results/data/chairs/train-00/sdf.zip", over=chairs | {"on_missing_mesh": "skip"})
    assert run.returncode == 0, run.stdout + run.stderr
    checked = json.loads((tmp_path / "results/data/chairs/train-00/manifest.json").read_text())
    assert set(checked["shapes"]) == {ids[0], ids[2]}
    assert checked["failed"] == {ids[1]: "the folder has no mesh of it"}
    assert "2 of 3 meshes are fit for use" in (tmp_path / "results/logs/prepare/chairs_train-00.log").read_text()


@pytest.mark.parametrize(
    ("limit", "target", "sentence"),
    [
        ({"mesh_faces": 2}, "manifest.json", "has more triangles than limits.mesh_faces (2) allows"),
        ({"image_megapixels": 0.001}, "easy.zip", "wood.png: has 100 x 100 pixels, more than limits.image_megapixels"),
    ],
)
def test_the_limits_of_the_configuration_hold_for_meshes_and_their_textures(tmp_path, limit, target, sentence):
    shape, *_ = write_category(tmp_path, "chairs", 2, 1)
    mesh = tmp_path / "meshes/03001627" / shape / "models/model_normalized.obj"
    library = mesh.with_suffix(".mtl")
    library.write_text(library.read_text().replace("newmtl wood", "newmtl wood\nmap_Kd wood.png"))
    Image.new("RGB", (100, 100)).save(mesh.with_name("wood.png"))
    over = {"categories": {"planes": None, "chairs": {"shards": 1}}, "limits": limit}
    run = snakemake(tmp_path, "--", f"results/data/chairs/train-00/{target}", over=over)
    assert run.returncode != 0
    assert sentence in run.stdout + run.stderr


def test_a_folder_of_files_works_as_it_is(tmp_path):
    """Files in several formats, split by a share, or by lists whose paths are relative to the configuration."""
    ids, extents = write_category(tmp_path, "chairs", 4, 2), []
    for number, (shape, suffix) in enumerate(zip(ids, ["glb", "ply", "stl", "obj", "off", "glb"], strict=True)):
        source = tmp_path / "meshes/03001627" / shape / "models/model_normalized.obj"
        mesh = trimesh.load(source, force="mesh", skip_materials=True)
        extents.append(mesh.extents / np.linalg.norm(mesh.extents))
        mesh.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [1, 0, 0]))  # z up, front y
        file = tmp_path / f"files/stools/stool {number}.{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        mesh.apply_scale(50).export(file)
    stools = {"shards": 1, "test_share": 0.4}
    settings = {
        "shapenet": str(tmp_path / "files"),
        "meshes": {"layout": "flat", "up": "z", "front": "y"},
        "categories": {"chairs": None, "planes": None, "sofas": None, "stools": stools},
    }
    run = snakemake(tmp_path, "--", "results/data/shapes.csv", "results/data/stools/train-00/easy.zip", over=settings)
    assert run.returncode == 0, run.stdout + run.stderr
    table = pd.read_csv(tmp_path / "results/data/shapes.csv")
    assert sorted(table["shape"]) == [f"stool {number}" for number in range(6)]
    assert set(table["split"]) == {"train", "test"}
    table = table.sort_values("shape")
    np.testing.assert_allclose(table[["extent_x", "extent_y", "extent_z"]], extents, atol=1e-4)
    lists = tmp_path / "elsewhere/lists"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("stool 1\nstool 2\n")
    (lists / "test.txt").write_text("stool 0\n")
    listed = {"shards": 1, "train": "lists/train.txt", "test": "lists/test.txt"}
    (lists.parent / "overlay.yaml").write_text(
        yaml.safe_dump(settings | {"categories": settings["categories"] | {"stools": listed}})
    )
    run = snakemake(tmp_path, "--dry-run", "--configfile", str(lists.parent / "overlay.yaml"))
    assert run.returncode == 0, run.stdout + run.stderr
    (lists / "test.txt").unlink()
    run = snakemake(tmp_path, "--dry-run", "--configfile", str(lists.parent / "overlay.yaml"))
    assert f"{lists / 'test.txt'}: there is no such list, nor lists/test.txt" in run.stdout + run.stderr


def test_what_is_no_mesh_in_a_folder_of_files_is_named_or_skipped_and_listed(tmp_path):
    ids = write_category(tmp_path, "chairs", 3, 1)
    stools = tmp_path / "files/stools"
    stools.mkdir(parents=True)
    for number, shape in enumerate(ids):
        source = tmp_path / "meshes/03001627" / shape / "models/model_normalized.obj"
        shutil.copy(source, stools / f"good {number}.obj")
        (stools / f"good {number}.mtl").write_bytes(source.with_suffix(".mtl").read_bytes())
    textures = [b"M\xf6bel.png", b"{x}.png", b"a" * 240 + b".png"]
    for name in textures:
        Image.new("RGB", (8, 8), "red").save(stools / os.fsdecode(name))
    lines = b"".join(b"\nmap_Kd " + name for name in [*textures, b"wood.png", b"loop.png", b"pipe.png", b"cut.png"])
    (stools / "good 0.mtl").write_bytes((stools / "good 0.mtl").read_bytes() + lines)
    (stools / "wood.png").mkdir()
    (stools / "loop.png").symlink_to("loop.png")
    os.mkfifo(stools / "pipe.png")
    (stools / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    share = {"shards": 2, "test_share": 0.4}
    settings = {
        "shapenet": str(tmp_path / "files"),
        "meshes": {"layout": "flat"},
        "categories": {"chairs": None, "planes": None, "sofas": None, "stools": share},
    }
    bad = {b"{x}.obj": "id", b"M\xf6bel.ply": "id", b"a" * 200 + b".stl": "id"}
    for name in bad:
        (stools / os.fsdecode(name)).touch()
    (stools / "folder.obj").mkdir()
    (stools / "dangling.obj").symlink_to("gone")
    os.mkfifo(stools / "pipe.obj")
    stopped = snakemake(tmp_path, "--dry-run", over=settings)
    assert stopped.returncode != 0
    assert "cannot be the id of a shape" in stopped.stdout + stopped.stderr
    assert "or set on_bad_mesh: skip" in stopped.stdout + stopped.stderr
    assert "Traceback" not in stopped.stdout + stopped.stderr
    settings["on_bad_mesh"] = "skip"
    run = snakemake(tmp_path, "--", "results/data/failed.csv", over=settings)
    assert run.returncode == 0, run.stdout + run.stderr
    table = pd.read_csv(tmp_path / "results/data/failed.csv", dtype=str, keep_default_na=False).set_index("shape")
    reasons = {
        "{x}": "cannot be the id of a shape",
        r"M\udcf6bel": "cannot be the id of a shape",
        "a" * 200: "cannot be the id of a shape",
        "folder": "is a folder, not a regular file",
        "dangling": "is a link that leads nowhere",
        "pipe": "is a named pipe, not a regular file",
    }
    assert set(table.index) == set(reasons)
    for shape, reason in reasons.items():
        assert reason in table["reason"][shape]
        assert table["stage"][shape] == "prepare"
    assert "6 of 10 listed shapes failed" in (tmp_path / "results/logs/failures.log").read_text()
    again = snakemake(tmp_path, "--dry-run", "--", "results/data/failed.csv", over=settings)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_shards_that_lose_their_shapes_are_made_all_the_same(tmp_path):
    ids = write_category(tmp_path, "chairs", 4, 2)
    only_mtl, only_textures, empty, later = (ids[index] for index in (1, 5, 2, 0))
    over = {"on_missing_mesh": "skip", "categories": {"planes": None, "chairs": {"shards": 50}}}
    for shape in (only_mtl, only_textures, empty):
        folder = tmp_path / "meshes/03001627" / shape
        (folder / "models/model_normalized.obj").unlink()
        if shape != only_mtl:
            shutil.rmtree(folder / "models")
    (tmp_path / "meshes/03001627" / only_textures / "images").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "meshes/03001627" / only_textures / "images/wood.png")
    targets = ("--", "data", "results/data/shapes.csv", "results/data/failed.csv")
    for lost in ({only_mtl, only_textures, empty}, {only_mtl, only_textures, empty, later}):
        run = snakemake(tmp_path, *targets, over=over)
        assert run.returncode == 0, run.stdout + run.stderr
        table = pd.read_csv(tmp_path / "results/data/failed.csv", dtype=str)
        assert set(table["shape"]) == lost
        assert set(table["reason"]) == {"the folder has no mesh of it"}
        assert set(pd.read_csv(tmp_path / "results/data/shapes.csv")["shape"]) == set(ids) - lost
        (tmp_path / "meshes/03001627" / later / "models/model_normalized.obj").unlink(missing_ok=True)


def test_results_may_be_deleted_as_a_whole(pristine, tmp_path):
    folder = copied(pristine, tmp_path / "folder", link=True)
    shutil.rmtree(folder / "results")
    run = snakemake(folder, "--dry-run")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "prepare" in run.stdout + run.stderr
