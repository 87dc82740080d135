"""A sample of the fuzzer of the configuration; `make test-faults` tries more (tests/faults/test_fuzzer.py)."""

import fuzzing
import pytest


def test_a_sample_of_values_is_accepted_or_refused_in_one_sentence_that_names_the_key(capsys):
    tried = fuzzing.try_values(500)
    assert tried.accepted > 20
    assert tried.refused > 200
    with capsys.disabled():
        print(f"\nconfigurations checked: {tried}")


@pytest.mark.slow
def test_what_the_check_accepts_makes_a_plan(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tried = fuzzing.try_plans(12, tmp_path)
    assert tried.accepted > 5
    with capsys.disabled():
        print(f"\nconfigurations planned: {tried}")
