"""The whole fuzzer of the configuration: no traceback, and nothing accepted of which Snakemake can make no plan.

FUZZ_EXAMPLES (default 20000) says how many configurations are checked; a hundredth of them are planned too, and so
is each key with each of its edges, or, for fewer examples, with so many fewer of them.
"""

import os

import fuzzing
import pytest

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20000"))
EDGES = [(key, value) for key in fuzzing.LEAVES for value in fuzzing.edges(key)]


@pytest.mark.parametrize("key", fuzzing.ALL_KEYS, ids=str)
def test_every_key_refuses_nonsense_in_one_sentence_that_names_it(key):
    for value in fuzzing.NONSENSE:
        said = fuzzing.sentence(fuzzing.edited((key, value)))
        assert said is None or key.name in said, said


def test_values_are_accepted_or_refused_in_one_sentence_that_names_the_key(capsys):
    tried = fuzzing.try_values(EXAMPLES)
    with capsys.disabled():
        print(f"\nconfigurations checked: {tried}")


def test_what_the_check_accepts_makes_a_plan(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tried = fuzzing.try_plans(max(1, EXAMPLES // 100), tmp_path)
    with capsys.disabled():
        print(f"\nconfigurations planned: {tried}")


def test_each_key_at_its_edges_makes_a_plan(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tried = fuzzing.Tried()
    for key, value in EDGES[:: max(1, 20000 // EXAMPLES)]:
        accepted = fuzzing.try_plan(tmp_path, (key, value))
        tried.accepted, tried.refused = tried.accepted + accepted, tried.refused + (not accepted)
    with capsys.disabled():
        print(f"\nkeys planned at their edges: {tried}")
