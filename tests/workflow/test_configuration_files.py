"""Configuration files that Snakemake would take, and a later job would not: each stops at the start, in a sentence."""

import json
import subprocess
from pathlib import Path

import pytest
from pipeline import command

SMALL = "shapenet: demo\ndemo: {train: 2, test: 1}\n"


def planned(folder: Path, text: str) -> subprocess.CompletedProcess:
    """A dry run of the demo with the text of a configuration file."""
    arguments = command(folder, "--dry-run", "--quiet", "all")
    (folder / "over.yaml").write_text(text)
    return subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False)


def said(run: subprocess.CompletedProcess) -> str:
    text = run.stdout + run.stderr
    assert run.returncode != 0, text
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        (f"{SMALL}phase1:\n  epochs: 2\n  epochs: 3\n", "phase1.epochs is in line 4 and in line 5"),
        (f"{SMALL}seed: 1\n\nseed: 1\n", "seed is in line 3 and in line 5"),
        ('{"shapenet": "demo",\n\t"seed": 1,\n\t"seed": 2}', "seed is in line 2 and in line 3"),
    ],
)
def test_a_repeated_key_stops_with_its_file_and_both_lines(tmp_path, text, repeated):
    assert f"{tmp_path}/over.yaml: the key {repeated}; keep one of them" in said(planned(tmp_path, text))


def test_one_of_them_is_enough_and_anchors_merges_and_json_are_taken(tmp_path):
    taken = planned(tmp_path, f"{SMALL}phase2: &both\n  epochs: 2\n  batch_size: 4\ncontrastive: *both\n")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    taken = planned(tmp_path, f"{SMALL}phase2: &both\n  epochs: 2\ncontrastive:\n  <<: *both\n  epochs: 3\n")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    taken = planned(tmp_path, json.dumps({"shapenet": "demo", "demo": {"train": 2, "test": 1}}, indent="\t"))
    assert taken.returncode == 0, taken.stdout + taken.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "photos: results/photos\n",
            "config: photos is results/photos, in the folder results that the workflow writes",
        ),
        ("labels: own\n", "config: labels is own, whose link own/chairs leads to "),
        ('phase1: {from: "{"}\n', "config: phase1.from: '{' must be a path, whose only braces are {category}"),
        ('encoder: {weights: "{x}.pth"}\n', "config: encoder.weights: '{x}.pth' must be a path without braces"),
        ("seed: .nan\n", "config: seed is nan, but must be of type integer"),
        ("methods: &m [*m]\n", "is too deep"),
        ("on: 1\n", "config: true cannot be a key"),
        (
            "categories: {planes: null, chairs_codes: {shards: 1, synset: '03001627'}}\n",
            "config: categories.chairs_codes: its picture would have the name of the picture codes of chairs",
        ),
    ],
)
def test_a_wrong_value_stops_with_one_sentence(tmp_path, text, sentence):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/chairs").symlink_to(tmp_path / "results/labels")
    assert sentence in said(planned(tmp_path, SMALL + text))
    assert not (tmp_path / "results").exists()
