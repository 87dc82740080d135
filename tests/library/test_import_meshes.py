"""The configuration that is printed for a folder of meshes; it must be one that the workflow takes."""

import subprocess
import sys
import zipfile

import pytest
import yaml
from template3d import import_meshes
from template3d.runtime import configuration
from template3d.runtime.errors import InputError
from test_mesh_folders import touched

SYNSETS = {"chairs": "03001627", "sofas": "04256520"}
IDS = [f"{number:04x}" for number in range(20)]
MODEL = "models/model_normalized.obj"


def printed(folder) -> dict:
    return yaml.safe_load(import_meshes.configuration(folder, SYNSETS))


@pytest.mark.parametrize("inner", ["", "ShapeNetCore.v2/"])
def test_shapenet_is_recognized(tmp_path, inner):
    touched(tmp_path, *(f"{inner}{synset}/{shape}/{MODEL}" for synset in ("03001627", "00000001") for shape in IDS))
    assert printed(tmp_path) == {
        "shapenet": str(tmp_path),
        "categories": {
            "chairs": {"shards": 1, "test_share": 0.2},
            "synset_00000001": {"synset": "00000001", "shards": 1, "test_share": 0.2},
            "sofas": None,
            "planes": None,
        },
    }


def test_a_synsets_zip_is_recognized(tmp_path):
    with zipfile.ZipFile(tmp_path / "04256520.zip", "w") as opened:
        for number in range(200):
            opened.writestr(f"04256520/{number:04x}/{MODEL}", "")
    assert printed(tmp_path)["categories"]["sofas"] == {"shards": 4, "test_share": 0.2}


def test_a_folder_of_files_is_recognized_with_its_category_or_as_one(tmp_path):
    names = [f"stool {number}.ply" for number in range(20)]
    touched(tmp_path, *(f"stools/{name}" for name in names), "notes/readme.txt")
    expected = {
        "shapenet": str(tmp_path),
        "meshes": {"layout": "flat", "up": "y", "front": "-z"},
        "categories": {"stools": {"shards": 1, "test_share": 0.2}, **dict.fromkeys(("chairs", "sofas", "planes"))},
    }
    assert printed(tmp_path) == printed(tmp_path / "stools") == expected


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "holds no meshes that the workflow reads"),
        (["a/b/c/d.obj"], "holds no meshes that the workflow reads"),
        ([f"My Chairs/{shape}.obj" for shape in IDS], r"rename it, for example to my_chairs$"),
        ([f"stools/{shape}$.obj" for shape in IDS], r"cannot be the id of a shape"),
    ],
)
def test_what_will_not_do_is_said(tmp_path, names, sentence):
    touched(tmp_path / "data", *names)
    (tmp_path / "data").mkdir(exist_ok=True)
    with pytest.raises(InputError, match=sentence):
        import_meshes.configuration(tmp_path / "data", SYNSETS)


def test_few_shapes_are_for_lists_and_odd_names_are_quoted(tmp_path):
    folder = tmp_path / "my #1 data: x"
    touched(folder, "on/a.obj", "on/b.obj")
    found = printed(folder)
    assert found["shapenet"] == str(folder)
    assert found["categories"]["on"] == {"shards": 1, "train": "on_train.txt", "test": "on_test.txt"}


def test_one_category_of_shapenet_is_told_to_name_the_folder_above(tmp_path):
    touched(tmp_path, f"03001627/aaaa/{MODEL}", "03001627/bbbb/model.obj")
    with pytest.raises(InputError, match=r"03001627: this is one category of ShapeNet; give the folder above"):
        import_meshes.configuration(tmp_path / "03001627", SYNSETS)


def test_the_command_prints_what_the_workflow_takes(tmp_path):
    touched(tmp_path, *(f"stools/{shape}.stl" for shape in IDS))
    command = [sys.executable, "-m", "template3d.import_meshes"]
    run = subprocess.run([*command, tmp_path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    schema = yaml.safe_load((import_meshes.TABLE.parents[1] / "workflow/schemas/config.schema.yaml").read_text())
    configuration.check(yaml.safe_load(run.stdout), schema)
    run = subprocess.run([*command, tmp_path / "nothing"], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr == f"{tmp_path / 'nothing'}: there is no such folder\n"
