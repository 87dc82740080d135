import math

import pytest
from configurations import DEFAULT, NUMERIC, SCHEMA, changed, merged
from template3d.runtime import configuration, schema
from template3d.runtime.errors import InputError


def test_all_numeric_keys_are_tried():
    integers = [key for key, rules in NUMERIC.items() if rules["type"] == "integer"]
    assert len(NUMERIC) > 70
    assert len(integers) > 40
    assert {"seed", "sdf.near_stds.0", "training.gpu_gb", "evaluate.fit.points", "categories.chairs.shards"} <= set(
        NUMERIC
    )


@pytest.mark.parametrize("key", NUMERIC)
def test_a_number_is_finite_of_its_type_and_within_its_bounds(key):
    rules = NUMERIC[key]
    assert "minimum" in rules or "exclusiveMinimum" in rules, "it has no lower bound"
    assert "maximum" in rules or "exclusiveMaximum" in rules, "it has no upper bound"
    wrong = [math.nan, math.inf, -math.inf, 10**30, -(10**30), 10**400, True, False, "3", [3], {}]
    low, high = rules.get("minimum", rules.get("exclusiveMinimum")), rules.get("maximum", rules.get("exclusiveMaximum"))
    if rules["type"] == "integer":
        whole = rules.get("multipleOf", 1)
        right = [low, high, -(-low // whole) * whole]
        wrong += [low - whole, high + whole, float(high), low + 0.5]
    else:
        right = [(low + high) / 2, *(rules[bound] for bound in ("minimum", "maximum") if bound in rules)]
        wrong += [math.nextafter(low, -math.inf), math.nextafter(high, math.inf)]
        wrong += [rules[bound] for bound in ("exclusiveMinimum", "exclusiveMaximum") if bound in rules]
    for value in right:
        assert schema.error_of(changed(key, value), SCHEMA) is None
    for value in wrong:
        with pytest.raises(InputError, match=f"^config: {key.replace('.', '[.]')} is ") as error:
            configuration.check(changed(key, value), SCHEMA)
        assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"phase1": {"epochs": 4.0}},
            r"phase1.epochs is 4.0, but must be of type integer \(write 4, without a point\)",
        ),
        ({"seed": 10**30}, r"seed is 10\^30 or more, but must be at most 4294967295"),
        (
            {"training": {"gpu_gb": math.nan}},
            "training.gpu_gb is nan, but must be one of: auto or be of type number from 0",
        ),
        (
            {"training": {"micro_batch": 0}},
            "micro_batch is 0, but must be one of: auto or be of type integer from 1 to",
        ),
        ({"training": {"gpus": "3"}}, "gpus is '3', but must be of type integer .it is text"),
        ({"encoder": {"backbone": "resnet19"}}, "backbone is 'resnet19', but must be one of: resnet18, "),
        ({"views": {"passes": ["mask"]}}, "must have the entry rgb"),
        ({"methods": []}, "methods is .., but must have at least 1 entries"),
        ({"methods": ["two_phase"] * 2}, "must name each entry once"),
        ({"reconstruct": {"views": []}}, "reconstruct.views is .., but must have at least 1 entries"),
        ({"sdf": {"near_stds": [0.1] * 11}}, "near_stds is .*, but must have at most 10 entries"),
        ({"sdf": {"near_stds": [0.1, -0.1]}}, "sdf.near_stds.1 is -0.1, but must be at least 1e-06"),
        ({"phase1": None}, "phase1 is null, but must be of type object"),
        ({True: 1}, "true cannot be a key; .* put words such as yes"),
        ({"phase1": {1: 1}}, "1 cannot be a key in phase1"),
        ({"x" * 500: 1}, "cannot be a key; a key is a text of up to 100 characters"),
        ({"phase1": {"from": "{"}}, "phase1.from: '{' must be a path, whose only braces are {category}"),
        ({"phase1": {"from": "{category:>9}"}}, "whose only braces are {category}"),
        ({"phase1": {"from": "{category.__class__}"}}, "whose only braces are {category}"),
        ({"photos": "a{b}"}, "photos: 'a{b}' must be a path without braces"),
        ({"encoder": {"weights": "{category}.pth"}}, "encoder.weights: '{category}.pth' must be a path without braces"),
        ({"photos": "a\nb"}, r"photos is 'a\\nb', but must not have the character '\\n'"),
        ({"labels": "a\0b"}, r"labels is .*, but must not have the character '\\x00'"),
        ({"shapenet": "x\u202ey"}, "but must not have the character"),
        ({"photos": "\ud800"}, "but must not have the character"),
        ({"photos": " x"}, "without spaces at its ends"),
        ({"photos": ""}, "photos is '', but must have at least 1 characters"),
        ({"photos": "x" * 5000}, "photos is a text of 5000 characters, but may have 4000 at most"),
        ({"photos": "x/" * 1000}, "photos is .* but must have at most 1000 characters"),
        ({"photos": "\u00e9" * 200}, "names of 255 bytes"),
        ({"shapenet": "~no-such-user/x"}, "shapenet is '~no-such-user/x', but there is no such home folder"),
        ({"accept": ["{x}"]}, "accept.0: '{x}' must be the name of a rule or category"),
        ({"categories": {"chairs": {"shards": 1, "synset": "03001627\n"}}}, "synset is .* must not have the character"),
        (
            {"categories": {"chairs": {"shards": 1, "train": {"url": "http://[", "sha256": "0" * 64}}}},
            "must be the http",
        ),
        (
            {"categories": {"chairs": {"shards": 1, "train": {"url": "http://x/a b", "sha256": "0" * 64}}}},
            "must be the http",
        ),
        (
            {"categories": {"chairs": {"shards": 1, "train": {"url": "http://x/a", "sha256": "0" * 63}}}},
            "64 hexadecimal",
        ),
    ],
)
def test_wrong_values_are_named(change, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        configuration.check(merged(DEFAULT, change), SCHEMA)
    assert str(error.value).isprintable()


def test_a_pattern_matches_the_whole_text():
    assert schema.error_of(changed("categories.chairs.synset", "03001627"), SCHEMA) is None
    assert "eight digits" in schema.error_of(changed("categories.chairs.synset", "03001627\n"), SCHEMA)
    assert "eight digits" in schema.error_of(changed("categories.chairs.synset", "x03001627"), SCHEMA)
