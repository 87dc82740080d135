import hashlib
import json
import time
from pathlib import Path

import pytest
from template3d.data import splits
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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", f"{A}\r\n{B}\r\n"),
        ("a.txt", f"{A};\n{B};;\n;;\n"),
        ("a.txt", f"\t{A}\t\n  {B} \xa0\n"),
        ("a.txt", f'"{A}",\n"{B}"\n'),
        ("a.txt", f"Shape\n{A}\n{B}"),
        ("a.csv", f"ID\n{A},\n{B},\n"),
        ("a.csv", f'"Id";"name"\n"{A}";"old; brown"\n"{B}";\n'),
        ("a.CSV", f"number, Shape ID\n1, {A}\n2, {B}\n"),
        ("a.csv", f",{A}\n,{B}\n"),
        ("a.txt", f"name\tmodelId\nold\t{A}\nnew\t{B}\n"),
        ("a.csv", f"sep=;\nid;year\n{A};1999\n{B};2000\n"),
        ("a.txt", f"Sep=,\r\nid,year\r\n{A},1999\r\n{B},2000\r\n"),
        ("a.csv", f'"sep=|"\n{A}\n{B}\n'),
        ("a.txt", f"sep=\t\nyear\tid\n1999\t{A}\n2000\t{B}\n"),
        ("a.csv", f"Model\n{A}\n{B}\n"),
        ("a.txt", f"name\n{A}\n{B}\n"),
        ("a.csv", f"year;NAME\n1999;{A}\n2000;{B}\n"),
        ("a.csv", f"Model,id\nold,{A}\nnew,{B}\n"),
        ("a.JSON", json.dumps([A, B])),
        ("a.json", json.dumps({"ShapeNetV2": {"03001627": [A, B]}})),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_may_come_from_windows_or_a_spreadsheet(tmp_path, name, text, encoding):
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert splits.read_split(tmp_path / name, "03001627") == [A, B]


def test_an_id_may_have_commas_and_blanks(tmp_path):
    (tmp_path / "a.txt").write_text("Chair 1, old\nChair 2\n")
    assert splits.read_split(tmp_path / "a.txt", "chairs") == ["Chair 1, old", "Chair 2"]
    (tmp_path / "a.csv").write_text('id,year\n"Chair 1, old",1999\nChair 2,2000\n')
    assert splits.read_split(tmp_path / "a.csv", "chairs") == ["Chair 1, old", "Chair 2"]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.csv", f"{A},03001627\n{B},03001627\n", "line 1 has 2 columns, and the first line does not say which one"),
        ("a.txt", f"{A};\n{B};x\n", "line 2 has 2 columns"),
        ("a.csv", f"id,modelId\n000001,{A}\n", "line 1 has the columns id and modelId; keep the one"),
        ("a.csv", f"id,year\n{A},1999\n,2000\n", "line 3 has no id"),
        ("a.txt", f'"{A}\n{B}\n', "line 1 cannot be read: its quotes are wrong"),
        ("a.txt", f"{A}\n\n03001627/{B}\n", "line 3: '03001627/.*' cannot be the id of a shape"),
        ("a.txt", f"{A}\n# again\n{B}\n{A}\n", rf"names {A} more than once \(line 1 and line 4\)"),
        ("a.json", json.dumps([B, A, A]), rf"names {A} more than once \(entry 2 and entry 3\)"),
        ("a.csv", f"sep=;\nid;year\n;1999\n{A};2\n", "line 3 has no id"),
        ("a.csv", f"model,name\nold,{A}\n", "line 1 has the columns model and name; keep the one"),
        ("a.json", f'{{"S": {{"03001627": ["{A}"], "03001627": ["{B}"]}}}}', "has the key '03001627' more than once"),
        ("a.json", f'{{"S": {{"03001627": ["{A}"]}}, "S": {{"03001627": ["{B}"]}}}}', "has the key 'S' more than once"),
        ("a.json", f'{{"S": {{"1": [], "1": [], "03001627": ["{A}", "{B}"]}}}}', "has the key '1' more than once"),
        ("a.txt", "id\n", "names no shape of synset"),
    ],
)
def test_a_list_that_could_mean_two_things_is_refused_by_its_line(tmp_path, name, text, reason):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=rf"{name}: .*{reason}"):
        splits.read_split(tmp_path / name, "03001627")


def test_a_list_in_another_encoding_is_refused_by_its_byte(tmp_path):
    (tmp_path / "a.txt").write_bytes("Stuhl\nStühle\n".encode("cp1252"))
    with pytest.raises(InputError, match=r"a\.txt: is not text in UTF-8: byte 8 .*save the file as UTF-8"):
        splits.read_split(tmp_path / "a.txt", "chairs")


@pytest.mark.parametrize("name", ["a.txt", "a.json"])
def test_a_repeated_id_is_named_in_linear_time(tmp_path, name):
    ids = [f"{number:032x}" for number in range(60_000)]
    (tmp_path / name).write_text(json.dumps([*ids, ids[7]]) if name == "a.json" else "\n".join([*ids, ids[7]]))
    start = time.process_time()
    with pytest.raises(InputError, match=f"names {ids[7]} more than once"):
        splits.read_split(tmp_path / name, "chairs")
    assert time.process_time() - start < 5  # a count of each of 60,000 ids takes minutes


LIST = b'["aaaa", "bbbb"]'
SHA256 = hashlib.sha256(LIST).hexdigest()
URL = "https://x/y.json"


@pytest.fixture
def copy(tmp_path):
    """The path of a list's copy; a function that keeps it, with the content of the website, None if it is down."""
    file, fetched = tmp_path / "splits/copy.json", tmp_path / "fetched.json"

    def keep(content: bytes | None, sha256: str = SHA256) -> Path:
        def fetch() -> Path:
            if content is None:
                raise InputError(f"{URL}: cannot be fetched")
            fetched.write_bytes(content)
            return fetched

        return splits.kept(file, URL, sha256, fetch)

    return file, keep


def test_a_list_is_fetched_once_with_its_checksum(copy):
    file, keep = copy
    with pytest.raises(InputError, match=r"https://x/y\.json: the downloaded file has the SHA-256 4f53cda1"):
        keep(b"[]")
    with pytest.raises(InputError, match=r"^https://x/y\.json: cannot be fetched"):
        keep(None)
    assert not file.exists()
    assert keep(LIST) == file
    assert keep(None).read_bytes() == LIST  # the copy is enough


@pytest.mark.parametrize("changed", [b'["aaaa"]', b"", LIST + b"\n"])
def test_a_copy_that_was_changed_is_fetched_again_or_refused_by_name(copy, changed):
    file, keep = copy
    keep(LIST)
    file.write_bytes(changed)
    with pytest.raises(InputError, match=rf"copy\.json: was changed after it was fetched .*not {SHA256}.*cannot be"):
        keep(None)
    with pytest.raises(InputError, match=r"copy\.json: was changed .*the downloaded file has the SHA-256"):
        keep(b"Not found")  # a page that says so
    assert file.read_bytes() == changed
    assert keep(LIST).read_bytes() == LIST
