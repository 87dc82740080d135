"""Every reader of a user's file refuses what is no regular file, before it opens it."""

import os
import pickle
import socket

import numpy as np
import pytest
from template3d.data import labels, obj, prepared_meshes, splits, textures
from template3d.geometry.normalization import Normalization
from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits


def pipe(file):
    os.mkfifo(file)


def folder(file):
    file.mkdir()


def device(file):
    file.symlink_to("/dev/zero")


def connection(file):
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(file.name)  # in the working directory, because such a path may have 107 characters only


def dangling(file):
    file.symlink_to("gone")


def loop(file):
    file.symlink_to(file.name)


IRREGULAR = {
    pipe: "is a named pipe, not a regular file",
    folder: "is a folder, not a regular file",
    device: "is a device, not a regular file",
    connection: "is a socket, not a regular file",
    dangling: r"is a link that leads nowhere \(No such file or directory\)",
    loop: r"is a link that leads nowhere \(Too many levels of symbolic links\)",
}
UNIT = Normalization(np.zeros(3), 1.0)
READERS = {
    "a.obj": prepared_meshes.read_file,
    "a.stl": prepared_meshes.read_file,
    "a.glb": prepared_meshes.read_file,
    "a.mtl": lambda file: list(obj.lines(file)),
    "a.png": lambda file: textures.decode(file, file),
    "a.csv": lambda file: labels.read_labels(file, UNIT),
    "a.ply": lambda file: labels.read_labels(file, UNIT),
    "a.txt": lambda file: splits.read_split(file, "03001627"),
    "a.json": lambda file: splits.read_split(file, "03001627"),
    "a.jpg": Limits().check_image,
}


@pytest.mark.parametrize(("make", "reason"), IRREGULAR.items())
@pytest.mark.parametrize("name", READERS)
def test_only_regular_files_are_opened(tmp_path, monkeypatch, make, reason, name):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: .*{reason}"):
        READERS[name](tmp_path / name)


def test_a_link_to_a_regular_file_is_read(tmp_path):
    (tmp_path / "a").write_text("text")
    (tmp_path / "b").symlink_to("a")
    assert files.check_regular(tmp_path / "b").st_size == 4


def test_a_name_in_another_encoding_can_be_printed(tmp_path):
    with pytest.raises(InputError, match=r"M\\udcf6bel\.obj: No such file or directory") as refused:
        files.check_regular(tmp_path / os.fsdecode(b"M\xf6bel.obj"))
    str(refused.value).encode()
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)  # as between worker processes
