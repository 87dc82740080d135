# What the rules share: the checked configuration, the shapes and their shards, and what a rule's result depends on.

import hashlib
import sys

import yaml
from snakemake.exceptions import WorkflowError

from template3d.data import mesh_folders, shapenet, splits, unusable
from template3d.data.demo import parameters as demo_shapes
from template3d.evaluation import methods
from template3d.jobs import snakemake_internals, trust
from template3d.jobs.accepted import Accepted
from template3d.rendering import protocols
from template3d.runtime import configuration, input_paths, locks, provenance, repeated_keys
from template3d.runtime.errors import InputError

BASE = Path(workflow.basedir)
RECORDS = Path("results/records").absolute()
# By category, the files in a folder that cannot be shapes, each with the reason. Where lists name the shapes, none.
LEFT_OUT = {}


snakemake_internals.find_interpreter_by_path()
snakemake_internals.keep_locks_of_others()
if {"why", "accept"}.intersection(
    sys.argv
) and workflow.is_main_process:  # only the command line holds the targets at this point
    snakemake_internals.print_only_answers(workflow)
if workflow.is_main_process:
    locks.forget_killed_runs(Path.cwd())
    snakemake_internals.remake(trust.untrusted)
    snakemake_internals.prefer_seals(trust.is_sealed)
    if Path("results").exists() or Path(".snakemake/metadata").is_symlink():  # not for a first dry run
        snakemake_internals.keep_records_with_results(Path.cwd(), RECORDS)


def split_file(category, split):
    """The file of a split. A URL is downloaded once, and at each start the checksum of the copy is compared.

    A relative path is relative to the configuration file that names it, or else to the working directory.
    """
    source = config["categories"][category][split]
    if isinstance(source, str):
        folders = snakemake_internals.naming_folders(workflow, ("categories", category, split), source)
        found = splits.existing(Path(source), folders)
        config["categories"][category][split] = str(found)  # for `snakemake why`, which reads no configuration files
        return found
    splits.check_url(source["url"])
    url, sha256 = source["url"], source["sha256"]
    file = Path("results/splits") / f"{sha256[:8]}_{url.rpartition('/')[2]}"
    return splits.kept(file, url, sha256, lambda: snakemake_internals.fetch(workflow, storage.http(url), url))


def part(section, *keys):
    """Some keys of a section of the configuration."""
    return {key: config[section][key] for key in keys}


def splits_of(category, synset):
    """The shapes of a category by split, from its lists or its share of test shapes."""
    if config["shapenet"] == "demo":
        return demo_shapes.splits(category, **part("demo", "train", "test"), seed=config["seed"])
    if share := config["categories"][category].get("test_share"):
        LEFT_OUT[category] = unusable.left_out(MESHES, category, synset, config["on_bad_mesh"])
        return splits.by_share(MESHES.all_of(category, synset), share, config["seed"], category, MESHES.root)
    parts = ["test"] if category in MODELS else ["train", "test"]
    return splits.of_category({split: split_file(category, split) for split in parts}, synset)


def used_splits(category):
    """The shapes of a category by split; no training shapes if the model of another category reconstructs it."""
    shapes = splits_of(category, SYNSETS[category])
    return shapes | {"train": []} if category in MODELS else shapes


def located(category, synset, shapes):
    """Where the meshes of a category are, by shape; those of demo shapes are known before they are made."""
    if config["shapenet"] == "demo":
        return {shape: mesh_folders.Location(MESHES.mesh_file(synset, shape)) for shape in shapes}
    return MESHES.locations(category, synset, shapes)


try:
    for file in snakemake_internals.configuration_files(workflow) if workflow.is_main_process else []:
        repeated_keys.check(file)
    configuration.check(config, yaml.safe_load((BASE / "workflow/schemas/config.schema.yaml").read_text()))
    MESHES = mesh_folders.MeshFolder.of(config)
    CATEGORIES = [category for category, entry in config["categories"].items() if entry is not None]
    TABLE = shapenet.synsets(BASE / "resources/categories.csv")
    SYNSETS = {c: shapenet.synset(c, config["categories"][c].get("synset"), TABLE, MESHES.layout) for c in CATEGORIES}
    input_paths.check(config, Path("results"), [*CATEGORIES, *SYNSETS.values()])
    if config["shapenet"] != "demo":
        MESHES.check()
    # By category, the one whose model reconstructs it, where that is another one.
    MODELS = config["evaluate"]["models"]
    TRAINED_CATEGORIES = [category for category in CATEGORIES if category not in MODELS]
    SPLITS = {c: used_splits(c) for c in CATEGORIES}
    LOCATIONS = {c: located(c, SYNSETS[c], [*SPLITS[c]["train"], *SPLITS[c]["test"]]) for c in CATEGORIES}
    ACCEPTED = Accepted()
    mesh_folders.check_missing(MESHES, SYNSETS, SPLITS, LOCATIONS, config["on_missing_mesh"])
except InputError as error:
    raise WorkflowError(str(error))
TRAINED_METHODS = config["methods"]
TRAINING = config["training"]
# Snakemake selects the jobs with the largest sum of priorities: data first, so that the trainings of all categories can
# then run side by side. With a GPU, training comes first, so that the GPU does not wait for the data of other categories.
PRIORITY = {"prepare": 40, "sdf": 30, "render": 25, "surface": 25, "training": 100 if TRAINING["gpus"] else 10}
snakemake_internals.allow_gpus(workflow, TRAINING["gpus"])


def shard_shapes(category, split):
    """Shapes by shard, as in {"train-00": [id, ...]}; only shards that have shapes."""
    shards = {}
    for shape in SPLITS[category][split]:
        number = shapenet.shard(shape, config["categories"][category]["shards"])
        shards.setdefault(f"{split}-{number:02d}", []).append(shape)
    return dict(sorted(shards.items()))


PROGRAM = provenance.Program(BASE / "workflow/template3d", Path(".snakemake/code.json"))
SHARDS = {c: shard_shapes(c, "train") | shard_shapes(c, "test") for c in CATEGORIES}


wildcard_constraints:
    category="|".join(CATEGORIES),
    shard="(train|test)-[0-9]+",
    split="train|test",
    kind="|".join(protocols.KINDS),
    method="|".join(methods.METHODS),
    run="end_to_end(_(contrastive|imagenet|none))?",


def growing(amount):
    """Memory or time of a job: each further attempt gets as much more, because the job may have run out of it."""
    return lambda wildcards, attempt: amount * attempt


def shard_file(category, shard, product):
    return f"results/data/{category}/{shard}/{product}"


def shards_of(category, split, *products):
    """The files of all shards of a split, `train`, `test` or `both`."""
    return [
        shard_file(category, shard, product)
        for product in products
        for shard in SHARDS[category]
        if split in (shard.split("-")[0], "both")
    ]


def settings(**values):
    """What a result depends on: parts of the configuration, by their names there and with sorted keys.

    Snakemake records each of a rule's params by its `repr`, without its name. One dictionary keeps names with values, so
    that two swapped values are noticed; sorted keys let the configuration be written in any order.
    """
    return in_order(values)


def in_order(value):
    """The same value with the keys of all its dictionaries sorted."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def code(script):
    """A function of a job's wildcards: the definitions that the script can reach, and its packages' versions."""
    try:
        found = PROGRAM.code_of(BASE / "scripts" / script)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise WorkflowError(f"Python cannot parse the code of scripts/{script}: {error}")
    packages = provenance.package_versions(found.packages, BASE / "envs/requirements.txt")
    now = in_order({"code": found.definitions, "packages": packages})
    return lambda wildcards: ACCEPTED.code_of(script, dict(wildcards.items()), now)


def view_archives(kinds=protocols.KINDS):
    """The archives of some kinds of views, or of all."""
    return [f"{kind}.zip" for kind in protocols.KINDS if kind in kinds]


def reconstructed_shapes(category, split):
    """All test shapes, or a few training shapes, evenly spread over the list."""
    shapes = SPLITS[category][split]
    return shapes if split == "test" else splits.spread(shapes, config["reconstruct"]["train_shapes"])


def compared_splits(category):
    """The test shapes of a category, and the training shapes of the model that reconstructs them."""
    return {"train": SPLITS[model_category(category)]["train"], "test": SPLITS[category]["test"]}


def compared_shards(category, *products):
    """The files of the shards of `compared_splits`."""
    return [*shards_of(model_category(category), "train", *products), *shards_of(category, "test", *products)]


def sheet_shapes(category):
    """The shapes of a contact sheet: a few of each split."""
    return [shape for split in ("train", "test") for shape in splits.spread(SPLITS[category][split], 2)]


def sheet_archives(category, *products):
    """The archives that hold the shapes of a contact sheet."""
    pictured = set(sheet_shapes(category))
    return [
        shard_file(category, shard, product)
        for product in products
        for shard, shapes in SHARDS[category].items()
        if pictured.intersection(shapes)
    ]


def pictured_shapes(category, split):
    return splits.spread(reconstructed_shapes(category, split), 4)


def kinds_of(split):
    """The kinds of views that shapes of a split are reconstructed from; training shapes for the pictures only."""
    kinds = [kind for kind in protocols.KINDS if kind in config["reconstruct"]["views"]]
    return kinds if split == "test" else kinds[:1]


def choices_of(split):
    """The choices of views of a kind: the fixed one, and for test shapes some random ones."""
    return ["fixed", "random"] if split == "test" else ["fixed"]


def shown_shapes(category):
    """Some of the test shapes, for the gallery, so that it opens at once."""
    return splits.spread(SPLITS[category]["test"], 24)


def digest_of(file):
    """The digest of a file of this repository that no module imports."""
    return hashlib.sha256((BASE / file).read_bytes()).hexdigest()


def published(table):
    """The text of a table of published numbers or splits. As a param, not an input, its path does not matter."""
    return (BASE / "resources" / table).read_text()


def model_category(category):
    """The category whose model reconstructs a category: its own, unless `evaluate.models` names another."""
    return MODELS.get(category, category)


def model_of(method, file="model.safetensors"):
    """A function of a job's wildcards: a file of the model that reconstructs the category."""
    return lambda wildcards: f"results/models/{model_category(wildcards.category)}/{method}/{file}"


def decoder_of(method, file="model.safetensors"):
    """As `model_of`, of the model whose template the method uses."""
    return model_of(methods.METHODS[method].decoder, file)


# The profile's `gpu: 1` is a limit of this machine. A cluster has its own limits, and its queue.
resource_scopes:
    gpu="local",


# On a cluster these run where Snakemake runs: each takes seconds and little memory.
localrules:
    all,
    data,
    contact_sheets,
    export,
    export_experiments,
    transfer,
    correspondence,
    correspondence_table,
    interpolations,
    why,
    accept,
    seeds,
    failures,
    shapes_table,
    table1,
    table2,
    loss_curves,
