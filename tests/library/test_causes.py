"""Why a job would run, in words. tests/workflow/test_staleness.py asks Snakemake itself."""

from types import SimpleNamespace

from template3d.jobs import staleness


def test_changed_parameters_are_named_with_both_values():
    before = {
        repr({"phase1": {"epochs": 2, "seed": 0}, "code": {"a.py": "1", "b.py": "1"}, "packages": {"torch": "1"}})
    }
    now = {repr({"phase1": {"epochs": 3, "seed": 0}, "code": {"a.py": "2", "c.py": "1"}, "packages": {"torch": "2"}})}
    assert set(staleness.changed_params(before, now)) == {
        "config phase1.epochs 2 -> 3",
        "a.py changed",
        "b.py is not used any more",
        "c.py is new",
        "package torch 1 -> 2",
    }
    assert not list(staleness.changed_params(before, before))


def test_of_a_list_of_shapes_only_the_difference_is_named():
    before, now = ({repr({"shapes": {"train": shapes}})} for shapes in (["aa", "bb"], ["bb", "cc"]))
    assert list(staleness.changed_params(before, now)) == ["shapes.train: cc was added", "shapes.train: aa was removed"]


def test_files_and_rules_are_causes():
    job = SimpleNamespace(input=["data/a.zip", "data/b.zip"])
    reason = SimpleNamespace(software_stack_changed=False, missing_output=["model.json"], incomplete_output=False)
    causes = staleness.causes(job, reason, [], ["data/a.zip", "data/c.zip"], {"data/a.zip"})
    assert list(causes) == [
        "data/a.zip changed",
        "data/b.zip is new",
        "data/c.zip is gone",
        "model.json is not there",
    ]
    assert list(staleness.causes(job, reason, ["sdf"], [], set())) == ["sdf runs before it"]
    job = staleness.Job("train", (("category", "chairs"),), ("a.py changed", "sdf runs before it"))
    assert str(job) == "train of chairs: a.py changed; sdf runs before it"
