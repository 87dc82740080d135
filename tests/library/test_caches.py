import os

import pytest
from template3d.runtime import caches

CONTENT = {"a\udcff": [1, 2, None], "b": {"c": "d"}}


def test_a_cache_is_read_as_it_was_written(tmp_path):
    caches.write(tmp_path / "cache.json", CONTENT)
    assert caches.read(tmp_path / "cache.json") == CONTENT


def test_every_damage_makes_it_empty(tmp_path):
    file = tmp_path / "cache.json"
    caches.write(file, CONTENT)
    whole = file.read_bytes()
    for byte in range(len(whole)):
        file.write_bytes(whole[:byte] + bytes([whole[byte] ^ 1]) + whole[byte + 1 :])
        assert caches.read(file) == {}
    for content in (b"", b"{}", whole[:70], b"[" * 10**5, b"\xff"):
        file.write_bytes(content)
        assert caches.read(file) == {}


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda file: file.symlink_to("/dev/zero")])
def test_what_is_no_file_counts_as_empty(tmp_path, make):
    make(tmp_path / "cache.json")
    assert caches.read(tmp_path / "cache.json") == {}
    assert caches.read(tmp_path / "none.json") == {}
