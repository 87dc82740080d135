import dataclasses
import os
import zipfile

import pytest
from template3d.data import archives
from template3d.runtime import seals

NAME = "results/models/chairs/two_phase/model.json"


def sealed(folder, name="model.json", content=b"content", members=()):
    """A sealed result, and files that were written with it."""
    result = folder / name
    result.write_bytes(content)
    for member in members:
        (folder / member).write_text(member)
    digests = {member: seals.digest(folder / member) for member in members}
    seals.Seal(NAME, seals.digest(result), "made from", "train_encoder", members=digests).write(result)
    return result


def flip(file, byte, bit=0):
    content = bytearray(file.read_bytes())
    content[byte] ^= 1 << bit
    file.write_bytes(content)


def test_an_untouched_result_has_no_flaw(tmp_path):
    assert seals.flaw(sealed(tmp_path, members=["a.glb"]), NAME) is None


@pytest.mark.parametrize("byte", range(7))
def test_every_flipped_bit_is_a_flaw(tmp_path, byte):
    result = sealed(tmp_path)
    for bit in range(8):
        flip(result, byte, bit)
        assert "is not what was written there" in str(seals.flaw(result, NAME))
        flip(result, byte, bit)
    assert seals.flaw(result, NAME) is None


@pytest.mark.parametrize("content", [b"", b"cont", b"content and more"])
def test_a_result_of_another_length_is_a_flaw(tmp_path, content):
    result = sealed(tmp_path)
    result.write_bytes(content)
    assert "is not what was written there" in str(seals.flaw(result, NAME))


def test_a_result_moved_with_its_seal_is_named_after_its_origin(tmp_path):
    flaw = seals.flaw(sealed(tmp_path), "results/models/planes/two_phase/model.json")
    assert flaw.what == f"is a copy of {NAME}"
    assert seals.flaw(tmp_path / "model.json") is None  # without a path to compare, the content counts alone


@pytest.mark.parametrize(
    "seal", [None, b"", b"{", b"[]", b'{"result": "a"}', b'{"unknown": 1}', b"\xff\xfe", b"[" * 10**5]
)
def test_a_missing_or_damaged_seal_is_a_flaw(tmp_path, seal):
    result = sealed(tmp_path)
    if seal is None:
        seals.path_of(result).unlink()
    else:
        seals.path_of(result).write_bytes(seal)
    assert seals.flaw(result, NAME).what.startswith("has no seal" if seal is None else "has a damaged seal")


def test_a_flaw_names_the_member_that_is_gone_or_edited(tmp_path):
    result = sealed(tmp_path, members=["a.glb", "b.glb"])
    (tmp_path / "b.glb").write_text("edited")
    assert seals.flaw(result, NAME).file == tmp_path / "b.glb"
    (tmp_path / "a.glb").unlink()
    assert str(seals.flaw(result, NAME)) == f"{tmp_path / 'a.glb'} is not there"


def test_what_is_set_aside_replaces_nothing(tmp_path):
    for expected in ("model.json.damaged", "model.json.damaged-2", "model.json.damaged-3"):
        aside = seals.set_aside(sealed(tmp_path, content=expected.encode()))
        assert aside.name == expected
    assert (tmp_path / "model.json.damaged").read_bytes() == b"model.json.damaged"
    assert not seals.path_of(tmp_path / "model.json").exists()


def test_the_directory_alone_of_a_large_archive_is_digested(tmp_path, monkeypatch):
    """A flipped bit in a member is found by its reader, which compares the member's checksum."""
    monkeypatch.setattr(seals, "WHOLE_BYTES", 3000)
    archive = tmp_path / "sdf.zip"
    archives.update(archive, {"aa": "1", "bb": "2"}, lambda shapes: ((shape, {shape: bytes(3000)}) for shape in shapes))
    before = seals.digest(archive)
    size = archive.stat().st_size
    flip(archive, 100)
    assert seals.digest(archive) == before
    with pytest.raises(ValueError, match="aa is damaged"):
        dict(archives.members(archive))
    aside = tmp_path / "sdf.zip.damaged"
    for byte in range(size - 22 - 100, size):
        flip(aside, byte)
        aside.rename(archive)
        assert seals.digest(archive) != before, byte
        archive.rename(aside)
        flip(aside, byte)
    with zipfile.ZipFile(aside) as opened:
        assert opened.namelist() == ["aa", "bb"]


def test_what_a_result_was_made_from_depends_on_rule_and_params():
    params = {"settings": {"epochs": 2, "views": ["easy"]}, "code": {"a": "1"}}
    same = seals.made_from("train", {"code": {"a": "1"}, "settings": {"views": ["easy"], "epochs": 2}})
    assert seals.made_from("train", params) == same
    for other in (
        seals.made_from("train_encoder", params),
        seals.made_from("train", params | {"code": {"a": "2"}}),
        seals.made_from("train", params | {"settings": {"epochs": 3, "views": ["easy"]}}),
        seals.made_from("train", params | {"photos": {"\udcff.png": "3"}}),
    ):
        assert other != same


def test_a_seal_is_read_as_it_was_written(tmp_path):
    seal = seals.Seal("results/a.csv", "1", "2", "table1", {}, {"settings": {"a": [1, None]}}, "3", {"numpy": "1"})
    seal = dataclasses.replace(seal, inputs={"results/b.csv": "4"}, members={"a\udcff.glb": "5"})
    seal.write(tmp_path / "a.csv")
    assert seals.read(tmp_path / "a.csv") == seal


def test_every_flipped_bit_of_a_seal_is_a_flaw(tmp_path):
    result = sealed(tmp_path, members=["a.glb"])
    seal = seals.path_of(result)
    size = len(seal.read_bytes())
    for byte in range(size - 2):  # a blank at the end
        flip(seal, byte, byte % 7)
        flaw = seals.flaw(result, NAME)
        flip(seal, byte, byte % 7)
        assert flaw is not None or chr(seal.read_bytes()[byte]).isspace(), byte


@pytest.mark.parametrize("name", ["../list.txt", "/tmp/list.txt", "a/../../list.txt"])
def test_a_seal_names_no_file_outside_its_folder(tmp_path, name):
    result = sealed(tmp_path)
    dataclasses.replace(seals.read(result), members={name: "0"}).write(result)
    assert seals.flaw(result, NAME).what == "has a damaged seal"


def test_a_result_or_seal_that_is_no_file_is_a_flaw(tmp_path):
    result = sealed(tmp_path)
    for file in (result, seals.path_of(result)):
        content = file.read_bytes()
        file.unlink()
        for make in (os.mkfifo, os.mkdir):
            make(file)
            assert seals.flaw(result, NAME)
            file.rmdir() if file.is_dir() else file.unlink()
        file.symlink_to("/dev/zero")
        assert seals.flaw(result, NAME)
        file.unlink()
        file.write_bytes(content)
    assert seals.flaw(result, NAME) is None
