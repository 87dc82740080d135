from pathlib import Path

import pytest
from template3d.runtime import repeated_keys
from template3d.runtime.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "key", "first", "second"),
    [
        ("seed: 1\nseed: 2\n", "seed", 1, 2),
        ("seed: 1\n\n'seed': 2\n", "seed", 1, 3),
        ("phase1:\n  epochs: 1\n  # more\n  code_length: 2\n  epochs: 1\n", "phase1.epochs", 2, 5),
        ("phase1: {epochs: 1}\nphase2: {}\nphase1: {epochs: 1}\n", "phase1", 1, 3),
        ("categories:\n  chairs: {shards: 1, train: {url: a,\n    url: b}}\n", "categories.chairs.train.url", 2, 3),
        ("a: [{b: 1,\n b: 2}]\n", "a.0.b", 1, 2),
        ('{"seed": 1,\n\t"seed": 2}', "seed", 1, 2),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x\n", "c.<<", 3, 4),
        ("1: 2\n1: 3\n", "1", 1, 2),
        ('"a\\nb": 2\n"a\\nb": 3\n', r"'a\\nb'", 1, 2),
    ],
)
def test_a_repeated_key_is_named_with_both_lines(tmp_path, text, key, first, second):
    file = tmp_path / "over.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        repeated_keys.check(file)
    said = f"{file}: the key {key} is in line {first} and in line {second}; keep one of them"
    assert str(error.value) == said.replace(r"\\n", r"\n")


@pytest.mark.parametrize(
    "text",
    [
        "phase1: {epochs: 1}\nphase2: {epochs: 1}\n",
        "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n",  # YAML says that its own key holds, not the merged one
        "a: &x {b: 1}\nc: &y {d: 2}\ne: {<<: [*x, *y]}\n",
        "a: &x [*x]\n",
        "a: &x {b: *x}\n",
        "? [1, 2]\n: 3\n",
        '{\n\t"seed": 1,\n\t"url": "https:\\/\\/x"\n}',
        "\ufeffseed: 1\n",
        "seed: !!python/object:os.system x\n",
    ],
)
def test_other_files_pass(tmp_path, text):
    file = tmp_path / "over.yaml"
    file.write_text(text, encoding="utf-8")
    repeated_keys.check(file)


def test_a_file_in_which_aliases_multiply_is_read_at_once(tmp_path):
    levels = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 30)]
    file = tmp_path / "over.yaml"
    file.write_text("\n".join(["a0: &a0 [1]", *levels]))
    repeated_keys.check(file)


@pytest.mark.parametrize(
    "content",
    [b"seed: \xff\n", b"seed: [1\n", b"seed: \x00\n", b"a: b: c\n", b"- 1\n", b"", b"text\n", b"[" * 100_000],
)
def test_a_file_that_is_no_configuration_is_refused_in_a_sentence(tmp_path, content):
    file = tmp_path / "over.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"over\.yaml: (cannot be read as a YAML file|must have keys)") as error:
        repeated_keys.check(file)
    assert str(error.value).isprintable()


def test_the_files_that_we_ship_repeat_no_key():
    for file in (REPOSITORY / "config.yaml", *REPOSITORY.glob("resources/*.yaml"), *REPOSITORY.glob("tests/*/*.yaml")):
        repeated_keys.check(file)
