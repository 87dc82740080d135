"""Digests of files are those of their contents, and files that did not change are not read again."""

import hashlib
import os

import pytest
from template3d.runtime import digests


def test_digests_follow_contents_not_times(tmp_path):
    file, other, cache = tmp_path / "a.mtl", tmp_path / "b.mtl", tmp_path / "cache/shard.json"
    file.write_bytes(b"Kd 1 0 0\n")
    other.write_bytes(b"Kd 0 1 0\n")
    first = digests.of_files([file, other], cache)
    assert first[file] == hashlib.sha256(b"Kd 1 0 0\n").hexdigest()[:12]
    os.utime(file, (1, 1))
    assert digests.of_files([file, other], cache) == first
    state = file.stat()
    file.write_bytes(b"Kd 0 0 1\n")  # the same size
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))  # and the same time of modification
    assert digests.of_files([file, other], cache)[file] != first[file]


def test_unchanged_files_are_not_read_again(tmp_path, monkeypatch):
    file, cache = tmp_path / "a.mtl", tmp_path / "shard.json"
    file.write_text("Kd 1 0 0\n")
    first = digests.of_files([file], cache)
    monkeypatch.setattr(digests, "_digest", lambda path: pytest.fail(f"read {path}"))
    assert digests.of_files([file], cache) == first
    assert digests.of_files([], cache) == {}


def test_a_damaged_cache_costs_only_time(tmp_path):
    file, cache = tmp_path / "a.mtl", tmp_path / "shard.json"
    file.write_text("Kd 1 0 0\n")
    first = digests.of_files([file], cache)
    cache.write_text("{")
    assert digests.of_files([file], cache) == first


def test_a_file_that_cannot_be_read_says_so(tmp_path):
    file, pipe, loop, folder = (tmp_path / f"{name}.png" for name in ("gone", "pipe", "loop", "folder"))
    os.mkfifo(pipe)  # to open it would block for ever
    loop.symlink_to(loop)
    folder.mkdir()
    found = digests.of_files([file, pipe, loop, folder], tmp_path / "shard.json")
    for path, reason in {
        file: "No such file or directory",
        pipe: "is a named pipe, not a regular file; replace it by the file itself",
        loop: "is a link that leads nowhere (Too many levels of symbolic links); replace it by the file itself",
        folder: "is a folder, not a regular file; replace it by the file itself",
    }.items():
        assert found[path] == f"{path}: {reason}"


def test_a_name_in_another_encoding_has_its_digest(tmp_path):
    file, cache = tmp_path / os.fsdecode(b"M\xf6bel.mtl"), tmp_path / "shard.json"
    file.write_text("Kd 1 0 0\n")
    first = digests.of_files([file], cache)
    assert first[file] == hashlib.sha256(b"Kd 1 0 0\n").hexdigest()[:12]
    assert digests.of_files([file], cache) == first
