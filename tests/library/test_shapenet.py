import os
import subprocess
import sys

import pytest
from template3d.data import shapenet
from template3d.runtime import randomness
from template3d.runtime.errors import InputError

A, B = "1a6f615e8b1b5ae4dbbc9b4ff1dd4f4a", "2b6f615e8b1b5ae4dbbc9b4ff1dd4f4b"


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
