# What the rules share: the checked configuration, the shapes and their shards, and what a rule's result depends on.

import functools
import hashlib
import os
import sys

import yaml
from snakemake.exceptions import WorkflowError

from template3d.data import mesh_folders, photos, shapenet, splits
from template3d.data.demo import parameters as demo_shapes
from template3d.evaluation import methods
from template3d.jobs import costly_runs, snakemake_internals
from template3d.jobs.accepted import Accepted
from template3d.networks import DECODER_SIZES
from template3d.rendering import protocols
from template3d.report.summary import summary
from template3d.runtime import configuration, digests, locks, provenance
from template3d.runtime.errors import InputError

BASE = Path(workflow.basedir)
RECORDS = Path("results/records").absolute()
EXPERIMENT_FILES = ("specs.json", "ModelParameters/latest.pth", "LatentCodes/latest.pth")
LOSS_NUMBERS = ("pointwise_weight", "pointpair_weight", "code_weight", "clamp")


snakemake_internals.find_interpreter_by_path()
snakemake_internals.keep_locks_of_others()
if {"why", "accept"}.intersection(
    sys.argv
) and workflow.is_main_process:  # only the command line holds the targets at this point
    snakemake_internals.print_only_answers(workflow)
if workflow.is_main_process:
    locks.forget_killed_runs(Path.cwd())
    if Path("results").exists() or Path(".snakemake/metadata").is_symlink():  # not for a first dry run
        snakemake_internals.keep_records_with_results(Path.cwd(), RECORDS)


def split_file(category, split):
    """The file of a split. A URL is downloaded once and its checksum compared.

    A relative path is relative to the configuration file that names it, or else to the working directory.
    """
    source = config["categories"][category][split]
    if isinstance(source, str):
        folders = snakemake_internals.naming_folders(workflow, ("categories", category, split), source)
        found = splits.existing(Path(source), folders)
        config["categories"][category][split] = str(found)  # for `snakemake why`, which reads no configuration files
        return found
    splits.check_url(source["url"])
    file = Path("results/splits") / f"{source['sha256'][:8]}_{source['url'].rpartition('/')[2]}"
    if not file.exists():
        fetched = snakemake_internals.fetch(workflow, storage.http(source["url"]), source["url"])
        splits.keep_split(fetched, source["sha256"], file, source["url"])
    return file


def splits_of(category, synset):
    """The shapes of a category by split, from its lists or its share of test shapes."""
    if config["shapenet"] == "demo":
        return demo_shapes.splits(category, **config["demo"], seed=config["seed"])
    if share := config["categories"][category].get("test_share"):
        return splits.by_share(MESHES.all_of(category, synset), share, config["seed"], category, MESHES.root)
    return splits.of_category({split: split_file(category, split) for split in ("train", "test")}, synset)


def located(category, synset, shapes):
    """Where the meshes of a category are, by shape; those of demo shapes are known before they are made."""
    if config["shapenet"] == "demo":
        return {shape: mesh_folders.Location(MESHES.mesh_file(synset, shape)) for shape in shapes}
    return MESHES.locations(category, synset, shapes)


try:
    configuration.check(config, yaml.safe_load((BASE / "workflow/schemas/config.schema.yaml").read_text()))
    MESHES = mesh_folders.MeshFolder.of(config)
    CATEGORIES = [category for category, entry in config["categories"].items() if entry is not None]
    TABLE = shapenet.synsets(BASE / "resources/categories.csv")
    SYNSETS = {c: shapenet.synset(c, config["categories"][c].get("synset"), TABLE, MESHES.layout) for c in CATEGORIES}
    if config["shapenet"] != "demo":
        MESHES.check()
    SPLITS = {c: splits_of(c, SYNSETS[c]) for c in CATEGORIES}
    LOCATIONS = {c: located(c, SYNSETS[c], [*SPLITS[c]["train"], *SPLITS[c]["test"]]) for c in CATEGORIES}
    ACCEPTED = Accepted()
    mesh_folders.check_missing(MESHES, SYNSETS, SPLITS, LOCATIONS, config["on_missing_mesh"])
except InputError as error:
    raise WorkflowError(str(error))
TRAINED_METHODS = config["methods"]
TRAINING = config["training"]
# Snakemake selects the jobs with the largest sum of priorities. One data job outweighs two trainings, because it takes two
# threads and they take one: once trainings run, two threads are hardly ever free together. With a GPU, training comes
# first, so that the GPU does not wait for the data of other categories.
PRIORITY = {"prepare": 40, "sdf": 30, "render": 25, "surface": 25, "training": 100 if TRAINING["gpus"] else 10}
snakemake_internals.allow_gpus(workflow, TRAINING["gpus"])
KNOWN_FAULTS = shapenet.known_faults(BASE / "resources/known_faults.csv")


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


def training_mb(wildcards, attempt):
    """Memory of a training: for its samples and its views, as far as it may keep them in memory, and the rest."""
    shapes, image_size = len(SPLITS[wildcards.category]["train"]), config["encoder"]["image_size"]
    views = sum(config["views"][kind] for kind in protocols.KINDS)
    data = (16e-6 * shapes * config["sdf"]["count"], 3e-6 * shapes * views * image_size**2)
    most = float("inf") if TRAINING["ram_gb"] == "auto" else 1000 * TRAINING["ram_gb"]
    return int(8000 + sum(min(megabytes, most) for megabytes in data)) * attempt


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


def mesh_file(category, shape):
    """The path of a demo shape's mesh, as text."""
    return str(LOCATIONS[category][shape].file)


@functools.cache
def shard_locations(category, shard):
    """Where the meshes of a shard are; shapes without a mesh are left out."""
    found = LOCATIONS[category]
    return [found[shape] for shape in SHARDS[category][shard] if shape in found]


def meshes_of(wildcards):
    """The files that hold the meshes of a shard, each once."""
    found = (mesh_folders.files_of(location) for location in shard_locations(wildcards.category, wildcards.shard))
    return list(dict.fromkeys(str(file) for files in found for file in files))


def known_faults(wildcards):
    """The known faults of ShapeNet's shapes, by shape, of those in a shard."""
    faults = KNOWN_FAULTS.get(SYNSETS[wildcards.category], {})
    return {shape: faults[shape] for shape in SHARDS[wildcards.category][wildcards.shard] if shape in faults}


def demo_materials(wildcards):
    """The material files of the demo shapes of a shard, known before they are made; none of your own meshes."""
    if config["shapenet"] != "demo":
        return []
    return [str(Path(mesh).with_suffix(".mtl")) for mesh in meshes_of(wildcards)]


@functools.cache
def material_digests(category, shard):
    """Digests of the material and texture files of your own meshes in a shard, by file.

    They are params, not input files, because two rules watch them: Snakemake would need 0.1 ms for each.
    """
    if config["shapenet"] == "demo":
        return {}
    files = [file for found in shard_locations(category, shard) for file in mesh_folders.appearance_files(found)]
    cache = Path(".snakemake/material_digests") / category / f"{shard}.json"
    return {str(file): digest for file, digest in digests.of_files(dict.fromkeys(files), cache).items()}


def part(section, *keys):
    """Some keys of a section of the configuration."""
    return {key: config[section][key] for key in keys}


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
    return shapes if split == "test" else spread(shapes, config["reconstruct"]["train_shapes"])


def sheet_shapes(category):
    """The shapes of a contact sheet: a few of each split."""
    return [shape for split in ("train", "test") for shape in spread(SPLITS[category][split], 2)]


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
    return spread(reconstructed_shapes(category, split), 4)


def spread(shapes, count):
    """`count` of the shapes at even steps; all of them if there are no more."""
    return [shapes[index * len(shapes) // count] for index in range(count)] if count < len(shapes) else shapes


def kinds_of(split):
    """The kinds of views that shapes of a split are reconstructed from; training shapes for the pictures only."""
    kinds = [kind for kind in protocols.KINDS if kind in config["reconstruct"]["views"]]
    return kinds if split == "test" else kinds[:1]


def choices_of(split):
    """The choices of views of a kind: the fixed one, and for test shapes some random ones."""
    return ["fixed", "random"] if split == "test" else ["fixed"]


def photos_of(category):
    """The user's photos of a category, by name, without their masks."""
    return photos.listed(Path(config["photos"]) / category)


def masks_of(category):
    """The masks beside the photos of a category."""
    return [mask for mask in map(photos.mask_file, photos_of(category)) if mask.exists()]


def labels_of(category):
    """The shapes of a category that the user labelled: <labels>/<category>/<shape>.csv or .ply."""
    folder = Path(config["labels"]) / category
    return sorted(file for file in folder.glob("*") if file.suffix in (".csv", ".ply")) if folder.is_dir() else []


def transferred(wildcards):
    """The results of `transfer`: an archive for each category in which the user labelled a shape."""
    labelled = [name for name in CATEGORIES if labels_of(name)]
    if not labelled:
        pattern = f"{config['labels']}/<category>/<shape>.csv"
        raise WorkflowError(
            f"there are no labels to transfer; put some into {pattern} (x, y, z, label) or .ply (painted)"
        )
    return expand("results/transfer/{category}.zip", category=labelled)


def shown_shapes(category):
    """Some of the test shapes, for the gallery, so that it opens at once."""
    return spread(SPLITS[category]["test"], 24)


def digest_of(file):
    """The digest of a file of this repository that no module imports."""
    return hashlib.sha256((BASE / file).read_bytes()).hexdigest()


def published_numbers():
    """The text of the table of published numbers. As a param, not an input, its path does not matter."""
    return (BASE / "resources/published.csv").read_text()


def published_experiment(category):
    """The files of a published experiment that replaces phase 1, or none."""
    folder = config["phase1"]["from"]
    return [Path(folder.format(category=category)) / name for name in EXPERIMENT_FILES] if folder else []


def decoder_of(wildcards, file):
    """The model whose template a method uses."""
    return f"results/models/{wildcards.category}/{methods.METHODS[wildcards.method].decoder}/{file}"


def start_of(run):
    """The initial weights of a run of end-to-end training: its own, or those of the configuration."""
    return run.removeprefix("end_to_end").lstrip("_") or config["end_to_end"]["weights"]


def end_to_end_settings(run):
    """The settings that a run of end-to-end training depends on, without the runs that it is compared with."""
    return {key: value for key, value in config["end_to_end"].items() if key != "compare"} | {"weights": start_of(run)}


def end_to_end_runs():
    """The runs of end-to-end training: the evaluated one, and those that it is compared with."""
    others = [start for start in config["end_to_end"]["compare"] if start != config["end_to_end"]["weights"]]
    return ["end_to_end", *(f"end_to_end_{start}" for start in others)] if "end_to_end" in TRAINED_METHODS else []


def encoder_weights(start, category="{category}"):
    """The file with an encoder's initial weights: the pretrained ones, the user's, or none."""
    if start == "contrastive":
        return [f"results/models/{category}/contrastive/encoder.safetensors"]
    return [] if start in ("imagenet", "none") else [start]


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
    interpolations,
    why,
    accept,
    failures,
    shapes_table,
    table1,
    table2,
    loss_curves,


# Before anything runs: say if trainings lack GPUs here, and if hours of training would be lost; ask a person at a terminal.
onstart:
    if workflow.is_main_process:
        snakemake_internals.keep_records_with_results(Path.cwd(), RECORDS)
    if workflow.is_main_process and TRAINING["gpus"] and not workflow.non_local_exec:
        if any(map(costly_runs.trains, workflow.dag.needrun_jobs())):
            from template3d.training.stage import check_gpus  # PyTorch takes seconds to import

            try:
                check_gpus(TRAINING["gpus"])
            except InputError as error:
                raise WorkflowError(f"{error}. Nothing was run.")
    if workflow.is_main_process and config["confirm"] == "ask" and (cost := costly_runs.warning(workflow)):
        print(f"Attention: {cost}", file=sys.stderr)
        if sys.stdin.isatty() and not workflow.non_local_exec:
            print("Train again? [y/N] ", end="", file=sys.stderr, flush=True)
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                raise WorkflowError("nothing was run; --config confirm=yes goes on without a question")


# Print where the results are, if the run made all of them; `make` prints it itself, also when nothing was to be done.
onsuccess:
    if not workflow.dag_settings.targets and "MAKELEVEL" not in os.environ:
        print(summary(Path("results")), file=sys.stderr)
