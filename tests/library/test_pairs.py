import pytest
from template3d.data import pairs
from template3d.runtime.errors import InputError

TRAINING = {"chairs": ["aa11", "aa22", "b1"], "planes": ["c1", "aa33"]}


@pytest.mark.parametrize(
    ("between", "ends"),
    [(["aa11", "b1"], ["aa11", "b1"]), (["b", "aa2"], ["b1", "aa22"])],
)
def test_shapes_are_named_by_their_ids_or_the_beginnings_of_these(between, ends):
    assert pairs.category_and_ids(between, TRAINING) == ("chairs", ends)


def test_a_beginning_may_occur_in_another_category_too():
    assert pairs.category_and_ids(["c1", "aa"], TRAINING) == ("planes", ["c1", "aa33"])


@pytest.mark.parametrize(
    ("between", "sentence"),
    [
        (["aa11"], "takes the ids of two training shapes, as in [a, b], not of 1"),
        (["aa11", "b2"], "'b2' is no training shape of chairs, planes; near ones: b1"),
        (["aa", "b1"], "2 ids begin with aa (aa11, aa22); write more of it"),
        (["b1", "c1"], "b1 of chairs and c1 of planes: take two shapes of one category"),
        (["b1", "b"], "both entries name b1; take two different shapes"),
        (["", "b1"], "'' is no training shape"),
    ],
)
def test_other_entries_are_refused_in_a_sentence(between, sentence):
    with pytest.raises(InputError) as refused:
        pairs.category_and_ids(between, TRAINING)
    assert sentence in str(refused.value)
