"""Where meshes are: ShapeNet's layouts, unpacked and zipped, plain folders, and what is said to other folders."""

import json
import os
import re
import zipfile

import numpy as np
import pytest
import trimesh
from PIL import Image
from template3d.data import archives, mesh_folders, prepared_meshes, unusable
from template3d.data import views as views_of
from template3d.data.mesh_folders import Location, MeshFolder
from template3d.jobs import prepare, render
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

SYNSET = "03001627"
V2, V1 = f"{SYNSET}/aaaa/models/model_normalized.obj", f"{SYNSET}/aaaa/model.obj"
HALF = np.array([0.3, 0.2, 0.1])
BOX = trimesh.creation.box(2 * HALF)


def touched(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return MeshFolder(root)


@pytest.mark.parametrize("name", [V2, V1, f"ShapeNetCore.v2/{V2}", f"v1/{V1}"])
def test_shapenets_layouts_are_found(tmp_path, name):
    folder = touched(tmp_path, name)
    (tmp_path / "other").mkdir()
    assert folder.locations("chairs", SYNSET, ["aaaa", "bbbb"]) == {"aaaa": Location(tmp_path / name)}
    assert folder.locations("chairs", SYNSET) == {"aaaa": Location(tmp_path / name)}
    assert folder.locations("chairs", "00000000") == {}


@pytest.mark.parametrize("inner", [V2, V1, f"ShapeNetCore.v2/{V2}", "aaaa/models/model_normalized.obj"])
def test_a_synsets_zip_is_read_without_unpacking(tmp_path, inner):
    shape_folder = inner.rpartition("/model")[0].removesuffix("/models")
    red = Image.new("RGB", (8, 8), "red")
    with zipfile.ZipFile(tmp_path / f"{SYNSET}.zip", "w") as opened:
        mtl = inner.replace(".obj", ".mtl")
        opened.writestr(inner, f"mtllib {mtl.rpartition('/')[2]}\nusemtl a\n" + BOX.export(file_type="obj"))
        texture = "../images/t.png" if "models" in inner else "images/t.png"
        opened.writestr(mtl, f"newmtl a\nKd 0 0 1\nmap_Kd gone.png\nmap_Kd {texture}\n")
        with opened.open(f"{shape_folder}/images/t.png", "w") as image:
            red.save(image, "PNG")
        opened.writestr(f"{shape_folder[:-4]}bbbb{inner.removeprefix(shape_folder)}", "f 1 2 3\n")
    folder = MeshFolder(tmp_path)
    found = folder.locations("chairs", SYNSET, ["aaaa", "bbbb", "cccc"])
    assert found.keys() == {"aaaa", "bbbb"}
    assert mesh_folders.files_of(found["aaaa"]) == [tmp_path / f"{SYNSET}.zip"]
    assert mesh_folders.appearance_files(found["aaaa"]) == []
    assert mesh_folders.identity(found["aaaa"]) != mesh_folders.identity(found["bbbb"])
    made = prepare.one_shape(found["aaaa"], SYNSET, "aaaa", folder)
    archives.update(tmp_path / "meshes.zip", {"aaaa": "1"}, lambda shapes: [(shapes[0], made)])
    member = prepared_meshes.member_name(SYNSET, "aaaa")
    mesh = prepared_meshes.read(tmp_path / "meshes.zip", member)
    np.testing.assert_allclose(mesh.mesh.extents, 2 * HALF, rtol=1e-6)
    views = {"easy": 1, "image_size": 32, "samples": 1, "passes": ["rgb"], "engine": "cycles", "device": "cpu"}
    settings = {"seed": 0, "views": views}
    members = render.one_shape("chairs", "easy", tmp_path / "meshes.zip", member, found["aaaa"], 1, settings)
    (view,) = (views_of.decode(content).convert("RGB") for name, content in members.items() if name.endswith(".png"))
    red, *others = view.getpixel((16, 16))
    assert red > 100
    assert others == [0, 0]
    (cameras,) = (content for name, content in members.items() if name.endswith(".json"))
    (warning,) = json.loads(cameras)["warnings"]
    assert warning.startswith(f"{tmp_path / SYNSET}.zip: {shape_folder}/")
    with pytest.raises(InputError, match=r"03001627\.zip: .*bbbb/.*\.obj: line 1: this face names vertex 1"):
        prepare.one_shape(found["bbbb"], SYNSET, "bbbb", folder)
    with pytest.raises(InputError, match="are larger than limits"):
        prepare.one_shape(found["aaaa"], SYNSET, "aaaa", folder, limits=Limits(mesh_mb=0.0001))


def test_a_damaged_zip_is_named(tmp_path):
    (tmp_path / f"{SYNSET}.zip").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(InputError, match=r"03001627\.zip: damaged"):
        MeshFolder(tmp_path).locations("chairs", SYNSET)


def test_a_flat_folder_has_files_by_name(tmp_path):
    touched(
        tmp_path,
        "chairs/._a.glb",
        "chairs/b 1.OBJ",
        "chairs/a.glb",
        "chairs/a.mtl",
        "chairs/notes.txt",
        "chairs/inner/c.obj",
    )
    folder = MeshFolder(tmp_path, "flat")
    found = {"a": Location(tmp_path / "chairs/a.glb"), "b 1": Location(tmp_path / "chairs/b 1.OBJ")}
    assert folder.locations("chairs", "chairs") == found
    assert folder.locations("chairs", "chairs", ["a", "c"]) == {"a": found["a"]}
    assert folder.locations("sofas", "sofas") == {}
    touched(tmp_path, "chairs/a.ply")
    with pytest.raises(InputError, match=r"a\.ply: a\.glb is beside it; keep one of the two formats"):
        folder.locations("chairs", "chairs")


@pytest.mark.parametrize(
    ("file", "root", "layout", "sentence"),
    [
        (V2, SYNSET, "shapenet", rf"there is no .*{SYNSET}/{SYNSET}/cccc/models/model_normalized\.obj; it is in "),
        (f"{SYNSET}/aaaa/models/model.obj", ".", "shapenet", rf"{SYNSET} holds aaaa$"),
        (f"{SYNSET}/cccc/models/model.obj", ".", "shapenet", rf"{SYNSET}/cccc holds models$"),
        ("chairs/cccc.obj", ".", "shapenet", r"chairs holds files: set meshes\.layout to flat$"),
        ("stools/aaaa.obj", ".", "shapenet", r"holds stools$"),
        ("chairs/aaaa.obj", ".", "flat", r"there is no .*chairs/cccc\{\.obj,\.glb,.*\}; .*chairs holds aaaa\.obj$"),
        ("chairs/cccc.obj", "chairs", "flat", r"it is in .*: set shapenet to that$"),
        (f"{SYNSET}/cccc/model.obj", ".", "flat", r"has ShapeNet's layout: leave meshes\.layout out$"),
    ],
)
def test_another_folder_is_told_what_was_looked_for_and_what_is_there(tmp_path, file, root, layout, sentence):
    touched(tmp_path, file, file.replace("aaaa", "cccc") if root == SYNSET else file)
    folder = MeshFolder(tmp_path / root, layout)
    splits = {"chairs": {"train": ["cccc"]}}
    with pytest.raises(InputError, match=sentence):
        mesh_folders.check_missing(folder, {"chairs": SYNSET}, splits, {"chairs": {}}, "skip")


@pytest.mark.parametrize(
    ("file", "layout", "sentence"),
    [
        (
            "chairs/a.obj",
            "shapenet",
            rf"there is no .*{SYNSET}/<id>/models/model_normalized\.obj; .* set meshes\.layout to flat$",
        ),
        (V1, "flat", r"there is no .*chairs/<name>\{.*\}; .* has ShapeNet's layout: leave meshes\.layout out$"),
        ("stools/a.obj", "flat", r"holds stools$"),
    ],
)
def test_a_category_without_meshes_is_told_what_was_looked_for(tmp_path, file, layout, sentence):
    touched(tmp_path, file)
    with pytest.raises(InputError, match=f"this folder has no mesh of chairs; .*{sentence}"):
        MeshFolder(tmp_path, layout).all_of("chairs", SYNSET)


def test_shapes_without_a_mesh_are_counted_and_stop_or_are_skipped(tmp_path):
    folder = touched(tmp_path, V2)
    (tmp_path / SYNSET / "cccc").mkdir()  # a folder without a mesh in it
    splits = {"chairs": {"train": ["aaaa", "bbbb", "cccc"]}}
    found = {"chairs": folder.locations("chairs", SYNSET, splits["chairs"]["train"])}
    sentence = (
        r"no mesh of 2 of the 3 train shapes of chairs \(bbbb, cccc\); there is no .*bbbb/.*; fix the list or set"
    )
    with pytest.raises(InputError, match=sentence):
        mesh_folders.check_missing(folder, {"chairs": SYNSET}, splits, found, "fail")
    mesh_folders.check_missing(folder, {"chairs": SYNSET}, splits, found, "skip")
    with pytest.raises(InputError, match=r"shapenet is .*nothing, but there is no such folder"):
        MeshFolder(tmp_path / "nothing").check()


def pipe(file):
    os.mkfifo(file)


def dangling(file):
    file.symlink_to("gone")


def loop(file):
    file.symlink_to(file.name)


def inner(file):
    file.mkdir()


IRREGULAR = {
    pipe: "is a named pipe, not a regular file",
    dangling: r"is a link that leads nowhere \(No such file",
    loop: r"is a link that leads nowhere \(Too many levels",
    inner: "is a folder, not a regular file",
}


@pytest.mark.parametrize(("make", "reason"), IRREGULAR.items())
@pytest.mark.parametrize(("name", "layout"), [("chairs/bbbb.obj", "flat"), (V2.replace("aaaa", "bbbb"), "shapenet")])
def test_what_looks_like_a_mesh_and_is_no_file_is_named_or_left_out(tmp_path, make, reason, name, layout):
    touched(tmp_path, "chairs/aaaa.obj" if layout == "flat" else V2)
    folder = MeshFolder(tmp_path, layout)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    make(tmp_path / name)
    assert folder.all_of("chairs", SYNSET).keys() == {"aaaa"}
    with pytest.raises(InputError, match=rf"{name}: {reason}.*; or set on_bad_mesh: skip"):
        unusable.left_out(folder, "chairs", SYNSET, "fail")
    ((shape, why),) = unusable.left_out(folder, "chairs", SYNSET, "skip").items()
    assert shape == "bbbb"
    assert re.search(reason, why)
    splits = {"chairs": {"train": ["aaaa", "bbbb"]}}
    with pytest.raises(InputError, match=rf"no mesh of 1 of the 2 train shapes.*{name}: {reason}"):
        mesh_folders.check_missing(folder, {"chairs": SYNSET}, splits, {"chairs": {"aaaa": 0}}, "fail")
    with pytest.raises(InputError, match=reason):
        prepared_meshes.read_file(tmp_path / name)


@pytest.mark.parametrize("name", ["{x}", "240" * 80, os.fsdecode(b"M\xf6bel"), "failed", "a\nb", "-"])
def test_a_name_that_cannot_be_an_id_is_named_or_left_out(tmp_path, name):
    folder = MeshFolder(tmp_path, "flat")
    touched(tmp_path, "chairs/aaaa.obj", f"chairs/{name}.obj")
    assert folder.all_of("chairs", "chairs").keys() == {"aaaa"}
    with pytest.raises(InputError, match=r"cannot be the id of a shape; .*; or set on_bad_mesh: skip") as refused:
        unusable.left_out(folder, "chairs", "chairs", "fail")
    assert str(tmp_path / "chairs") in str(refused.value)
    ((shape, reason),) = unusable.left_out(folder, "chairs", "chairs", "skip").items()
    assert "cannot be the id" in reason
    (shape + reason).encode()  # it can be printed


@pytest.mark.parametrize("damage", ["a flipped byte", "encrypted"])
def test_a_damaged_member_of_a_zip_is_named(tmp_path, damage):
    file = tmp_path / f"{SYNSET}.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(V2, BOX.export(file_type="obj"))
        opened.writestr(f"/{V2.replace('aaaa', 'bbbb')}", "f 1 2 3\n")
    content = bytearray(file.read_bytes())
    if damage == "encrypted":
        content[content.index(b"PK\x01\x02") + 8] |= 1
    else:
        content[100] ^= 255
        content[101] ^= 255
    file.write_bytes(content)
    folder = MeshFolder(tmp_path)
    found = folder.locations("chairs", SYNSET)
    assert found.keys() == {"aaaa"}  # an absolute name is no shape
    with pytest.raises(InputError, match=rf"{SYNSET}\.zip: {V2} cannot be unpacked"):
        prepare.one_shape(found["aaaa"], SYNSET, "aaaa", folder)
