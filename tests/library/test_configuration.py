import copy
import re

import pytest
import torch
import yaml
from configurations import DEFAULT, REPOSITORY, SCHEMA, merged
from template3d.networks.encoder import backbones, classifier
from template3d.runtime import configuration
from template3d.runtime.errors import InputError

OWN = {
    "shapenet": "meshes",
    "categories": {**dict.fromkeys(DEFAULT["categories"]), "chairs": {"shards": 1, "test_share": 0.2}},
}


@pytest.mark.parametrize(
    "overlay", [None, "resources/shapenet_paper.yaml", "tests/workflow/micro.yaml", "tests/bare/bare.yaml"]
)
def test_what_we_ship_is_valid(overlay):
    over = yaml.safe_load((REPOSITORY / overlay).read_text()) if overlay else {}
    configuration.check(merged(DEFAULT, over), SCHEMA)


def test_our_recommendation_is_valid_over_the_papers_run():
    config = DEFAULT
    for name in ("shapenet_paper", "shapenet"):
        config = merged(config, yaml.safe_load((REPOSITORY / f"resources/{name}.yaml").read_text()))
    configuration.check(config, SCHEMA)
    assert config["phase1"]["warp_hidden"] == 512
    assert config["encoder"]["crop_to_object"]


def test_keys_that_are_left_out_have_the_defaults_of_the_shipped_configuration():
    minimal, shipped = {"categories": copy.deepcopy(DEFAULT["categories"])}, copy.deepcopy(DEFAULT)
    configuration.check(minimal, SCHEMA)
    configuration.check(shipped, SCHEMA)
    assert minimal == shipped


def test_the_demo_has_its_own_views():
    for over, expected in (({}, (7, 5, 128, 0)), (OWN, (50, 50, 224, 5))):
        config = merged(DEFAULT, over)
        configuration.check(config, SCHEMA)
        views = config["views"]
        assert (views["easy"], views["hard"], views["image_size"], config["reconstruct"]["fixed_view"]) == expected


def test_the_papers_run_has_the_papers_numbers():
    paper = merged(DEFAULT, yaml.safe_load((REPOSITORY / "resources/shapenet_paper.yaml").read_text()))
    phase1 = paper["phase1"]
    assert (phase1["code_length"], phase1["warp_hidden"], phase1["warp_steps"]) == (256, 512, 8)
    assert (phase1["epochs"], phase1["scenes_per_batch"], phase1["points_per_scene"]) == (2001, 24, 5000)
    assert (phase1["pointwise_weight"], phase1["pointpair_weight"], phase1["code_weight"]) == (0.005, 1e-4, 1e-4)
    assert paper["sdf"]["near_stds"] == pytest.approx([0.005**0.5, 0.0005**0.5])
    assert (paper["sdf"]["count"], paper["sdf"]["uniform_share"]) == (500_000, 0.06)
    assert paper["sdf"]["stretched_share"] == 0
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
        (
            {"evaluate": {"models": {"chairs": "benches"}}},
            "models.chairs is benches, but this run has no category benches [(]chairs, ",
        ),
        (
            {"evaluate": {"models": {"benches": "chairs"}}},
            "models.benches is chairs, but this run has no category benches",
        ),
        ({"photo_models": {"benches": "m"}}, "photo_models.benches is m, but this run has no category benches"),
        (
            {"photo_models": {"chairs": "https://a.org/chairs.zip"}},
            "photo_models.chairs is https://a.org/chairs.zip, but an address must have the form .*#sha256=",
        ),
        ({"evaluate": {"models": {"chairs": "chairs"}}}, "models.chairs is chairs, but chairs has no model of its own"),
        ({"evaluate": {"models": {"chairs": "sofas", "sofas": "planes"}}}, "sofas has no model of its own"),
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


@pytest.mark.parametrize(
    "name", ["..", "a/b", "{x}", "chairs\n", "con taining", "Chairs", "9", "-x", "x" * 65, "\u00e9", ""]
)
def test_a_category_has_a_plain_name(name):
    config = DEFAULT | {"categories": {name: {"shards": 1}}}
    with pytest.raises(InputError, match=r"small letter|cannot be a key"):
        configuration.check(copy.deepcopy(config), SCHEMA)


def test_paths_that_are_odd_but_harmless_are_accepted():
    odd = {"photos": "meine fotos/\u00fc", "labels": "..", "shapenet": "$HOME/*", "phase1": {"from": "a{category}b"}}
    lists = {"train": "l/train.txt", "test": {"url": "https://a.org/b/c.json?raw=1", "sha256": "0" * 64}}
    config = merged(DEFAULT, odd | {"categories": dict.fromkeys(DEFAULT["categories"], {"shards": 1} | lists)})
    configuration.check(config, SCHEMA)
    assert config["photos"] == "meine fotos/\u00fc"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"isosurface": {"resolution": 508, "coarse": 4}}, "set isosurface.resolution to 256, for example"),
        ({"isosurface": {"resolution": 500, "coarse": 20}}, "halved down to 25, .* set isosurface.resolution to 320"),
        ({"demo": {"fixed_view": 7}}, "demo.fixed_view is 7, but there are only 7 easy views [(]demo.easy[)], counted"),
        (
            OWN | {"reconstruct": {"fixed_view": 50}},
            "reconstruct.fixed_view is 50, but there are only 50 easy views [(]vi",
        ),
        (
            {"demo": {"hard": 1}, "reconstruct": {"random_views": 2}},
            "random_views is 2, but there are only 1 hard views",
        ),
        ({"meshes": {"up": "z"}}, "they must be different axes"),
        ({"sdf": {"uniform_share": 0.7}}, "sdf.uniform_share is 0.7 and sdf.stretched_share is 0.3, but together"),
        (
            {"encoder": {"weights": "contrastive"}},
            "encoder.weights is 'contrastive', but contrastive pretraining starts",
        ),
        (
            {"encoder": {"backbone": "vit_b_16"}},
            "encoder.image_size is 48, but encoder.backbone vit_b_16 takes 224 only",
        ),
        ({"encoder": {"backbone": "alexnet", "image_size": 62}}, "encoder.backbone alexnet takes 63 at least"),
        ({"training": {"gpus": 3}}, "phase2.batch_size is 32, but must be a multiple of training.gpus, 3"),
        ({"training": {"gpus": 2}, "phase1": {"scenes_per_batch": 5}}, "phase1.scenes_per_batch is 5"),
        (
            {"training": {"gpus": 2}, "methods": ["end_to_end"], "end_to_end": {"scenes_per_batch": 3}},
            "end_to_end.scenes_per_batch is 3, but must be a multiple of training.gpus, 2",
        ),
        (
            {
                "demo": {"easy": 1},
                "reconstruct": {"views": ["hard"]},
                "contrastive": {"views": ["easy"]},
                "methods": ["end_to_end"],
            },
            "contrastive.positives is views, which takes two views",
        ),
        ({"categories": dict.fromkeys(DEFAULT["categories"])}, "categories has only null entries"),
    ],
)
def test_values_that_contradict_one_another_are_named(change, sentence):
    with pytest.raises(InputError, match=sentence):
        configuration.check(merged(DEFAULT, change), SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"isosurface": {"resolution": 256, "coarse": 4}},
        {"isosurface": {"resolution": 320, "coarse": 20}},
        {"isosurface": {"resolution": 120, "coarse": 8}},
        {"encoder": {"backbone": "vit_b_16", "image_size": 224}},
        {"encoder": {"backbone": "alexnet", "image_size": 63}},
        {"training": {"gpus": 2}},
        {"training": {"gpus": 3}, "phase1": {"from": "x"}, "phase2": {"batch_size": 33}},
        {"views": {"easy": 1}, "contrastive": {"views": ["easy"]}, "reconstruct": {"views": ["hard"]}},
        {"meshes": {"up": "z", "front": "-y"}},
        {"sdf": {"uniform_share": 0.7, "stretched_share": 0.2}},
        {"sdf": {"uniform_share": 0, "stretched_share": 0.9}},
    ],
)
def test_the_way_out_of_a_contradiction_works(change):
    configuration.check(merged(DEFAULT, change), SCHEMA)


def test_two_categories_do_not_share_the_name_of_a_picture():
    rules = "".join(file.read_text() for file in (REPOSITORY / "workflow/rules").glob("*.smk"))
    written = set(re.findall(r"results/pictures/\{+category\}+_(\w+)\.", rules))
    assert written | {"errors", "worst", "angles"} == set(configuration.PICTURES)
    for word in configuration.PICTURES:
        both = DEFAULT | {"categories": {"stools": {"shards": 1}, f"stools_{word}": {"shards": 1}}}
        with pytest.raises(InputError, match=f"categories.stools_{word}: .*rename one of the two"):
            configuration.check(copy.deepcopy(both), SCHEMA)
        both["categories"]["stools"] = None
        configuration.check(copy.deepcopy(both), SCHEMA)


def test_the_schema_names_the_backbones_of_the_encoder():
    assert SCHEMA["properties"]["encoder"]["properties"]["backbone"]["enum"] == backbones()


@pytest.mark.parametrize(
    "backbone", ["vit_b_32", "maxvit_t", "alexnet", "inception_v3", "swin_t", "densenet121", "vgg11"]
)
def test_the_encoder_takes_the_image_sizes_that_the_check_accepts(backbone):
    for size in (32, 48, 62, 63, 74, 75, 224, 225):
        config = merged(DEFAULT, {"encoder": {"backbone": backbone, "image_size": size}})
        with torch.device("meta"):
            network = classifier(backbone).eval()
            try:
                network(torch.empty(1, 3, size, size))
            except (RuntimeError, AssertionError, ValueError):
                with pytest.raises(InputError, match=f"encoder.image_size is {size}"):
                    configuration.check(config, SCHEMA)
            else:
                configuration.check(config, SCHEMA)


def test_what_aliases_share_does_not_share_its_defaults():
    config = yaml.safe_load(
        "{categories: {chairs: &one {shards: 1}, sofas: *one}, phase2: &two {epochs: 3}, contrastive: *two}"
    )
    configuration.check(config, SCHEMA)
    assert (config["phase2"]["epochs"], config["contrastive"]["epochs"]) == (3, 3)
    assert "temperature" not in config["phase2"]


def test_a_configuration_that_holds_itself_or_is_huge_is_refused():
    endless: list = []
    endless.append(endless)
    for value in (endless, [[[1] * 1000] * 1000] * 1000, list(range(10**5)), {str(n): n for n in range(10**4)}):
        with pytest.raises(
            InputError, match=r"config: methods.* (too deep|more than 20000 values|entries, but may have)"
        ):
            configuration.check(DEFAULT | {"methods": value}, SCHEMA)
