import os
import stat
import zipfile
from io import BytesIO

import numpy as np
import pytest
from template3d.data import archives
from template3d.runtime import npz
from template3d.runtime.errors import InputError


def maker(rebuilt):
    def make(shapes):
        for shape in shapes:
            rebuilt.append(shape)
            yield shape, {f"folder/{shape}.txt": f"content of {shape}".encode()}

    return make


def refuses_bb(shapes):
    for shape in shapes:
        yield shape, InputError("has no inside") if shape == "bb" else {f"{shape}.txt": b"content"}


def test_only_changed_shapes_are_rebuilt(tmp_path):
    archive, rebuilt = tmp_path / "shard.zip", []
    assert archives.update(archive, {"aa": "1", "bb": "1b"}, maker(rebuilt)) == ["aa", "bb"]
    assert archives.update(archive, {"aa": "1", "bb": "2b", "cc": "1c"}, maker(rebuilt)) == ["bb", "cc"]
    assert archives.update(archive, {"cc": "1c"}, maker(rebuilt)) == []
    assert rebuilt == ["aa", "bb", "bb", "cc"]
    assert dict(archives.members(archive)) == {"folder/cc.txt": b"content of cc"}


def test_two_shapes_with_one_mesh_stay_two(tmp_path):
    archive = tmp_path / "shard.zip"
    archives.update(archive, {"aa": "1", "bb": "1"}, maker([]))
    assert archives.update(archive, {"aa": "1", "bb": "1"}, maker([])) == []
    assert [name for name, _ in archives.members(archive)] == ["folder/aa.txt", "folder/bb.txt"]


def test_the_same_members_give_the_same_bytes(tmp_path):
    for name in ("first.zip", "second.zip"):
        archives.update(tmp_path / name, {"aa": "1", "bb": "2"}, maker([]))
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_an_error_leaves_the_old_archive_and_nothing_else(tmp_path):
    archive = tmp_path / "shard.zip"
    archives.update(archive, {"aa": "1"}, maker([]))
    before = archive.read_bytes()

    def fails(shapes):
        raise RuntimeError(shapes[0])

    with pytest.raises(RuntimeError, match="bb"):
        archives.update(archive, {"aa": "1", "bb": "1b"}, fails)
    assert archive.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["shard.zip"]


def test_a_truncated_archive_is_refused_and_rebuilt(tmp_path):
    archive, rebuilt = tmp_path / "shard.zip", []
    archives.update(archive, {"aa": "1", "bb": "2"}, maker(rebuilt))
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"shard\.zip: damaged"):
        list(archives.members(archive))
    assert archives.update(archive, {"aa": "1", "bb": "2"}, maker(rebuilt)) == ["aa", "bb"]


def test_a_flipped_bit_is_an_error(tmp_path):
    archive = tmp_path / "shard.zip"
    archives.update(archive, {"aa": "1"}, maker([]))
    content = archive.read_bytes()
    archive.write_bytes(content.replace(b"content of aa", b"content of ab"))
    with pytest.raises(InputError, match="damaged; it is set aside, and the next run makes it again"):
        archives.read(archive, "folder/aa.txt")
    assert not archive.exists()  # so that the next run rebuilds it
    with pytest.raises(FileNotFoundError):
        archives.read(archive, "folder/aa.txt")


def test_members_are_stored_uncompressed(tmp_path):
    archive = tmp_path / "shard.zip"
    archives.update(archive, {"aa": "1"}, maker([]))
    assert {member.compress_type for member in zipfile.ZipFile(archive).infolist()} == {zipfile.ZIP_STORED}


def test_digest_depends_on_content_and_order(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x")
    assert archives.digest("a", file) == archives.digest("a", b"x")
    assert archives.digest("a", "b") != archives.digest("b", "a")
    assert archives.digest("ab", "c") != archives.digest("a", "bc")


def test_a_shape_that_fails_stops_the_update_or_is_recorded_and_tried_again(tmp_path):
    archive, digests = tmp_path / "shard.zip", {"aa": "1", "bb": "1", "cc": "1"}
    with pytest.raises(InputError, match="bb: has no inside; fix it or set on_bad_mesh: skip"):
        archives.update(archive, digests, refuses_bb)
    assert not archive.exists()
    assert archives.update(archive, digests, refuses_bb, "skip") == ["aa", "cc"]
    assert archives.failures(archive) == {"bb": "has no inside"}
    assert archives.update(archive, digests, maker([]), "skip") == ["bb"]
    assert archives.failures(archive) == {}


def test_a_byte_range_holds_the_content_of_its_member(tmp_path):
    archive = tmp_path / "shard.zip"
    archives.update(archive, {"aa": "1", "bb": "1"}, maker([]))
    start, size = archives.byte_ranges(archive, ["folder/bb.txt"])["folder/bb.txt"]
    assert archive.read_bytes()[start : start + size] == b"content of bb"


@pytest.mark.parametrize("read_before", [False, True])
def test_only_the_damaged_member_is_rebuilt(tmp_path, read_before):
    archive, rebuilt = tmp_path / "shard.zip", []
    archives.update(archive, {"aa": "1", "bb": "1"}, maker([]))
    archive.write_bytes(archive.read_bytes().replace(b"content of aa", b"content of ab"))
    if read_before:
        with pytest.raises(InputError):
            archives.read(archive, "folder/aa.txt")
    assert archives.update(archive, {"aa": "1", "bb": "1"}, maker(rebuilt)) == ["aa"]
    assert archives.read(archive, "folder/aa.txt") == b"content of aa"
    aside = ["shard.zip.damaged"] if read_before else []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["shard.zip", *aside]


def link(name):
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


@pytest.mark.parametrize(
    ("member", "compression", "sentence"),
    [
        ("../../etc/cron.d/job", zipfile.ZIP_STORED, "leads out of the folder"),
        ("/etc/passwd", zipfile.ZIP_STORED, "leads out of the folder"),
        ("a\\..\\..\\b", zipfile.ZIP_STORED, "leads out of the folder"),
        ("chairs\n/etc/passwd", zipfile.ZIP_STORED, "leads out of the folder"),
        ("chairs\u2028/etc/passwd", zipfile.ZIP_STORED, "leads out of the folder"),
        (link("chairs"), zipfile.ZIP_STORED, "is a link"),
        ("bomb.npz", zipfile.ZIP_DEFLATED, "is compressed"),
    ],
)
def test_an_archive_that_we_cannot_have_written_is_not_read(tmp_path, member, compression, sentence):
    archive = tmp_path / "shard.zip"
    with zipfile.ZipFile(archive, "w", compression) as file:
        file.writestr(member, b"0" * 100_000)
    with pytest.raises(InputError, match=sentence):
        archives.names(archive)


def test_an_encrypted_archive_is_not_read(tmp_path):
    archive = tmp_path / "shard.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", b"0")
        file.filelist[0].flag_bits |= 1
    with pytest.raises(InputError, match="'a' is encrypted"):
        archives.names(archive)


def test_a_comment_that_is_no_text_makes_its_member_stale(tmp_path):
    archive = tmp_path / "shard.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("folder/aa.txt", b"old")
        file.filelist[0].comment = b"\xff"
    assert archives.update(archive, {"aa": "1"}, maker([])) == ["aa"]


def test_an_npz_that_grows_is_not_read():
    for write, sentence in ((np.savez, None), (np.savez_compressed, "more bytes than it has")):
        file = BytesIO()
        write(file, a=np.zeros(1_000_000))
        if sentence is None:
            assert npz.arrays(file.getvalue(), "a.npz")["a"].shape == (1_000_000,)
        else:
            with pytest.raises(InputError, match=f"a.npz: damaged .*{sentence}"):
                npz.arrays(file.getvalue(), "a.npz")
    with pytest.raises(InputError, match=r"a\.npz: damaged"):
        npz.arrays(b"nothing", "a.npz")


def test_members_that_overlap_are_not_read(tmp_path):
    archive = tmp_path / "shard.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", b"0" * 10_000)
        file.filelist.extend([file.filelist[0]] * 1000)
    with pytest.raises(InputError, match="more bytes than it has"):
        archives.names(archive)


def test_no_code_in_an_array_is_run(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    content = BytesIO()
    np.savez(content, pos=np.array([Attack()], dtype=object))
    with pytest.raises(InputError, match=r"there\.zip: damaged"):
        npz.arrays(content.getvalue(), "there.zip")
    assert not (tmp_path / "harm").exists()
