import copy
from pathlib import Path

import pytest
import yaml
from template3d.runtime import configuration
from template3d.runtime.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((REPOSITORY / "workflow/schemas/config.schema.yaml").read_text())
DEFAULT = yaml.safe_load((REPOSITORY / "config.yaml").read_text())


def merged(base: dict, over: dict) -> dict:
    result = copy.deepcopy(base)
    for key, value in over.items():
        result[key] = merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return result


@pytest.mark.parametrize("overlay", [None, "resources/shapenet_paper.yaml", "tests/workflow/micro.yaml"])
def test_what_we_ship_is_valid(overlay):
    over = yaml.safe_load((REPOSITORY / overlay).read_text()) if overlay else {}
    configuration.check(merged(DEFAULT, over), SCHEMA)


def test_keys_that_are_left_out_have_the_defaults_of_the_shipped_configuration():
    minimal = {"categories": copy.deepcopy(DEFAULT["categories"])}
    configuration.check(minimal, SCHEMA)
    assert minimal == DEFAULT


def test_the_papers_run_has_the_papers_numbers():
    paper = merged(DEFAULT, yaml.safe_load((REPOSITORY / "resources/shapenet_paper.yaml").read_text()))
    phase1 = paper["phase1"]
    assert (phase1["code_length"], phase1["warp_hidden"], phase1["warp_steps"]) == (256, 512, 8)
    assert (phase1["epochs"], phase1["scenes_per_batch"], phase1["points_per_scene"]) == (2001, 24, 5000)
    assert (phase1["pointwise_weight"], phase1["pointpair_weight"], phase1["code_weight"]) == (0.005, 1e-4, 1e-4)
    assert paper["sdf"]["near_stds"] == pytest.approx([0.005**0.5, 0.0005**0.5])
    assert (paper["sdf"]["count"], paper["sdf"]["uniform_share"]) == (500_000, 0.06)
    assert (paper["phase2"]["batch_size"], paper["encoder"]["image_size"]) == (512, 224)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"phase1": {"epohcs": 3}}, "there is no key phase1.epohcs; did you mean epochs?"),
        ({"phase1": {"learning_rate_warp": "1e-4"}}, r"write 1\.0e-4, not 1e-4"),
        ({"phase1": {"warp_steps": 6}}, "phase1.warp_steps is 6, but must be a multiple of 4"),
        ({"on_bad_mesh": "ignore"}, "must be one of: fail, skip"),
        ({"categories": {"../chairs": {"shards": 1}}}, "'../chairs' must begin with a small letter"),
        (
            {"categories": {"chairs": {"shards": 1, "synset": 3001627}}},
            "synset is 3001627, but must be eight digits in",
        ),
        (
            {"categories": {"chairs": {"shards": 1, "synset": "chair"}}},
            "synset: 'chair' must be eight digits in quotes",
        ),
        ({"isosurface": {"resolution": 100}}, "must be a multiple of isosurface.coarse"),
        ({"phase2": {"batch": 32}}, "phase2.batch is called phase2.batch_size now"),
        ({"meshing": {"coarse": 24}}, "meshing is called isosurface now"),
        ({"phase2": {"views": "both"}}, r"phase2.views is 'both', but must be a list, such as \[easy, hard\]"),
        ({"shapenet": "/data/ShapeNetCore.v2"}, "categories.chairs.train is missing"),
    ],
)
def test_a_mistake_is_one_readable_sentence(change, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        configuration.check(merged(DEFAULT, change), SCHEMA)
    assert "\n" not in str(error.value)


def test_a_tilde_is_the_home_folder_in_every_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    chairs = {"shards": 1, "train": "~/train.txt", "test": "lists/~test.txt"}
    categories = {"chairs": chairs, "sofas": None, "planes": None}
    over = {"shapenet": "~/meshes", "photos": "~/photos", "encoder": {"weights": "~/w.pth"}, "categories": categories}
    config = merged(DEFAULT, over)
    configuration.check(config, SCHEMA)
    assert (config["shapenet"], config["photos"]) == ("/home/somebody/meshes", "/home/somebody/photos")
    assert config["encoder"]["weights"] == "/home/somebody/w.pth"
    assert config["categories"]["chairs"]["train"] == "/home/somebody/train.txt"
    assert config["categories"]["chairs"]["test"] == "lists/~test.txt"
