import json

import pytest
from template3d import shapenet
from template3d.errors import InputError

A, B = "1a6f615e8b1b5ae4dbbc9b4ff1dd4f4a", "2b6f615e8b1b5ae4dbbc9b4ff1dd4f4b"


def test_a_deepsdf_split_is_read_for_its_synset(tmp_path):
    file = tmp_path / "split.json"
    file.write_text(json.dumps({"ShapeNetV2": {"03001627": [A, B], "02691156": [B]}}))
    assert shapenet.read_split(file, "03001627") == [A, B]
    assert shapenet.read_split(file, "02691156") == [B]
    with pytest.raises(InputError, match="names no shape of synset 04256520"):
        shapenet.read_split(file, "04256520")


def test_a_list_of_ids_is_read_in_its_order(tmp_path):
    (tmp_path / "split.txt").write_text(f"# my chairs\n{B}\n\n{A}\n")
    (tmp_path / "split.json").write_text(json.dumps([B, A]))
    for name in ("split.txt", "split.json"):
        assert shapenet.read_split(tmp_path / name, "03001627") == [B, A]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("../../etc\n", "is not a shape id"), (f"{A}\n{A}\n", "more than once"), ("", "names no shape")],
)
def test_wrong_splits_are_refused_by_name(tmp_path, content, reason):
    file = tmp_path / "split.txt"
    file.write_text(content)
    with pytest.raises(InputError, match=rf"split\.txt: .*{reason}"):
        shapenet.read_split(file, "03001627")
    with pytest.raises(InputError, match="cannot read this split"):
        shapenet.read_split(tmp_path / "missing.txt", "03001627")


def test_a_shape_in_both_splits_is_refused(tmp_path):
    for name in ("train.txt", "test.txt"):
        (tmp_path / name).write_text(A)
    entry = {split: str(tmp_path / f"{split}.txt") for split in ("train", "test")}
    with pytest.raises(InputError, match="must not be learnt from"):
        shapenet.splits(entry, "03001627")


def test_a_shard_depends_on_the_id_alone_and_they_are_even():
    ids = [f"{number:032x}" for number in range(2000)]
    counts = [0] * 8
    for shape in ids:
        counts[shapenet.shard(shape, 8)] += 1
    assert min(counts) > 200
    assert shapenet.shard(A, 8) == shapenet.shard(A, 8)


def test_random_numbers_of_a_shape_do_not_depend_on_others():
    first = shapenet.generator(A, 0, "views").random(3)
    assert (first == shapenet.generator(A, 0, "views").random(3)).all()
    for other in (
        shapenet.generator(B, 0, "views"),
        shapenet.generator(A, 1, "views"),
        shapenet.generator(A, 0, "sdf"),
    ):
        assert (first != other.random(3)).all()
