import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from template3d.data import shapenet, splits
from template3d.runtime import randomness
from template3d.runtime.errors import InputError

A, B = "1a6f615e8b1b5ae4dbbc9b4ff1dd4f4a", "2b6f615e8b1b5ae4dbbc9b4ff1dd4f4b"


def test_a_deepsdf_split_is_read_for_its_synset(tmp_path):
    file = tmp_path / "split.json"
    file.write_text(json.dumps({"ShapeNetV2": {"03001627": [A, B], "02691156": [B]}}))
    assert splits.read_split(file, "03001627") == [A, B]
    assert splits.read_split(file, "02691156") == [B]
    with pytest.raises(InputError, match="names no shape of synset 04256520"):
        splits.read_split(file, "04256520")


def test_a_list_of_ids_is_read_in_its_order(tmp_path):
    (tmp_path / "split.txt").write_text(f"# my chairs\n{B}\n\n{A}\n")
    (tmp_path / "split.json").write_text(json.dumps([B, A]))
    for name in ("split.txt", "split.json"):
        assert splits.read_split(tmp_path / name, "03001627") == [B, A]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("../../etc\n", "cannot be the id of a shape"),
        (f"{A}\n{A}\n", "more than once"),
        ("", "this list is empty"),
        ("# none yet\n", "names no shape"),
    ],
)
def test_wrong_splits_are_refused_by_name(tmp_path, content, reason):
    file = tmp_path / "split.txt"
    file.write_text(content)
    with pytest.raises(InputError, match=rf"split\.txt: .*{reason}"):
        splits.read_split(file, "03001627")
    with pytest.raises(InputError, match="cannot read this split"):
        splits.read_split(tmp_path / "missing.txt", "03001627")


def test_an_id_is_any_name_that_is_safe_in_a_path():
    uuid = "u1e22cc04-7c4d-4ed5-bda3-8ff8067f22ee"
    for shape in (A, uuid, "armchair_00", "NA", "Chair 1.5 (old), v+1", "\u00fcber-Stuhl", "a" * 128, "7"):
        assert shapenet.check_id(shape, "list") == shape
    for wrong in (
        "..",
        ".a",
        "a/b",
        "../../etc",
        "-a",
        "a ",
        "a.",
        " a",
        "a\nb",
        "a\tb",
        "{a}",
        "a\\b",
        "a*",
        "$a",
        "a" * 129,
    ):
        with pytest.raises(InputError, match="cannot be the id of a shape"):
            shapenet.check_id(wrong, "list")
    for wrong in ("", "failed", 7, None):
        with pytest.raises(InputError, match="cannot be the id of a shape"):
            shapenet.check_id(wrong, "list")


@pytest.mark.parametrize("name", ["split.json", "split.txt"])
def test_a_list_may_begin_with_a_byte_order_mark(tmp_path, name):
    text = json.dumps([A, B]) if name == "split.json" else f"{A}\r\n{B}\r\n"
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert splits.read_split(tmp_path / name, "03001627") == [A, B]


def test_one_training_shape_is_too_few(tmp_path):
    lists = {split: tmp_path / f"{split}.txt" for split in ("train", "test")}
    lists["train"].write_text(A)
    lists["test"].write_text(B)
    with pytest.raises(InputError, match=r"train\.txt: names one training shape only; a template takes 2 at least"):
        splits.of_category(lists, "03001627")


def test_a_shape_in_both_splits_is_refused(tmp_path):
    (tmp_path / "train.txt").write_text(f"{A}\n{B}")
    (tmp_path / "test.txt").write_text(A)
    lists = {split: tmp_path / f"{split}.txt" for split in ("train", "test")}
    with pytest.raises(InputError, match="must not be learnt from"):
        splits.of_category(lists, "03001627")


def test_a_fetched_list_must_have_its_checksum(tmp_path):
    fetched, kept = tmp_path / "fetched.json", tmp_path / "splits/kept.json"
    fetched.write_bytes(b"[]")
    with pytest.raises(InputError, match=r"https://x/y\.json: the downloaded file has the SHA-256 4f53cda1"):
        splits.keep_split(fetched, "0" * 64, kept, "https://x/y.json")
    assert not kept.exists()
    splits.keep_split(fetched, hashlib.sha256(b"[]").hexdigest(), kept, "https://x/y.json")
    assert kept.read_bytes() == b"[]"


def test_a_shard_depends_on_the_id_alone_and_they_are_even():
    ids = [f"{number:032x}" for number in range(2000)]
    counts = [0] * 8
    for shape in ids:
        counts[shapenet.shard(shape, 8)] += 1
    assert min(counts) > 200
    program = f"from template3d.data import shapenet; print(shapenet.shard({A!r}, 8))"
    other_process = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": "1"}, capture_output=True, check=True
    )
    assert int(other_process.stdout) == shapenet.shard(A, 8)


def test_random_numbers_of_a_shape_do_not_depend_on_others():
    first = randomness.generator(A, 0, "views").random(3)
    assert (first == randomness.generator(A, 0, "views").random(3)).all()
    for other in (
        randomness.generator(B, 0, "views"),
        randomness.generator(A, 1, "views"),
        randomness.generator(A, 0, "sdf"),
    ):
        assert (first != other.random(3)).all()


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/../../../../.bashrc",
        "http://a.example/lists/./x.json",
        "http://../x.json",
        "https://a.example",
        "https://a.example/lists/",
        "https:///x.json",
    ],
)
def test_a_url_whose_copy_would_lie_elsewhere_is_refused(url):
    with pytest.raises(InputError, match="is no address of a split list"):
        splits.check_url(url)
    splits.check_url("https://a.example/lists/train..v2.json")


@pytest.mark.parametrize(
    "text",
    [
        '"abc"',
        '{"S": {"03001627": "abc"}}',
        '{"ShapeNetV2": "x"}',
        "5",
        '{"a": {"03001627": 5}}',
        "[" * 100_000,
        '{"a": {"03001627": [[1]]}}',
    ],
)
def test_a_list_of_another_kind_is_named(tmp_path, text):
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(InputError, match=r"train\.json"):
        splits.read_split(tmp_path / "train.json", "03001627")


def test_a_share_of_the_shapes_is_for_testing_and_new_shapes_move_none(tmp_path):
    ids = [f"chair {number}" for number in range(400)]
    first = splits.by_share(ids[:300], 0.2, 0, "chairs", tmp_path)
    assert 40 < len(first["test"]) < 80
    assert sorted(first["train"] + first["test"]) == sorted(ids[:300])
    more = splits.by_share(ids, 0.2, 0, "chairs", tmp_path)
    assert set(first["test"]) == set(more["test"]).intersection(ids[:300])
    assert splits.by_share(ids, 0.2, 1, "chairs", tmp_path) != more
    with pytest.raises(InputError, match=r"categories\.chairs\.test_share 0\.2 makes 2 training and 0 test shapes"):
        splits.by_share(["a", "c"], 0.2, 0, "chairs", tmp_path)
    with pytest.raises(InputError, match=r"'a/b' cannot be the id"):
        splits.by_share(["a/b"], 0.2, 0, "chairs", tmp_path)


def test_a_lists_path_is_relative_to_the_first_folder_that_holds_it(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b/train.txt").touch()
    folders = [tmp_path / "a", tmp_path / "b"]
    assert splits.existing(Path("train.txt"), folders) == tmp_path / "b/train.txt"
    (tmp_path / "a/train.txt").touch()
    assert splits.existing(Path("train.txt"), folders) == tmp_path / "a/train.txt"
    assert splits.existing(tmp_path / "b/train.txt", folders) == tmp_path / "b/train.txt"
    with pytest.raises(InputError, match=r"a/test\.txt: there is no such list, nor .*b/test\.txt; fix the path"):
        splits.existing(Path("test.txt"), folders)
