"""What reruns after which edit: the table behind test_staleness.py and docs/reruns.md.

.venv/bin/python tests/workflow/edits.py > docs/reruns.md
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

CHAIRS, PLANES = ("chairs",), ("planes",)
BOTH = CHAIRS + PLANES

# A rule that runs once for each method, or for each run of end-to-end training, is named with it.
METHODS = ("two_phase", "end_to_end")
RUNS = ("end_to_end", "end_to_end_none")
VARIANTS = {"extract_template": METHODS, "reconstruct": METHODS, "evaluate": METHODS, "train_end_to_end": RUNS}
RECONSTRUCTED = ("reconstruct two_phase", "reconstruct end_to_end")
EVALUATED = ("evaluate two_phase", "evaluate end_to_end")
TEMPLATES = ("extract_template two_phase", "extract_template end_to_end")
END_TO_END_RUNS = ("train_end_to_end end_to_end", "train_end_to_end end_to_end_none")
OF_VIEWS = ("train_encoder", "pretrain_contrastive", *END_TO_END_RUNS)
"""Trainings that use views."""

USED_BY = {
    "prepare": (
        *("render", "sdf", "surface", "failures", "train_embeddings", "fit_codes", "evaluate_baselines"),
        *("shapes_table", "picture", "codes_figure", "errors_figure", "gallery", *OF_VIEWS, *RECONSTRUCTED, *EVALUATED),
    ),
    "render": ("failures", "picture", "codes_figure", "errors_figure", "gallery", *OF_VIEWS, *RECONSTRUCTED),
    "sdf": ("failures", "shapes_table", "train_embeddings", "fit_codes", *END_TO_END_RUNS),
    "surface": ("failures", "evaluate_baselines", *EVALUATED),
    "train_embeddings": ("train_encoder", "extract_template two_phase", "fit_codes", "loss_curves"),
    "train_encoder": ("reconstruct two_phase", "evaluate_baselines", "loss_curves", "codes_figure", "photos"),
    "pretrain_contrastive": ("train_end_to_end end_to_end", "loss_curves"),
    "train_end_to_end end_to_end": (
        *("extract_template end_to_end", "reconstruct end_to_end", "loss_curves", "codes_figure", "photos"),
    ),
    "train_end_to_end end_to_end_none": ("loss_curves", "codes_figure"),
    "extract_template two_phase": ("evaluate_baselines", "picture", "gallery"),
    "extract_template end_to_end": ("picture", "gallery"),
    "reconstruct two_phase": ("evaluate two_phase", "evaluate_baselines", "picture", "errors_figure", "gallery"),
    "reconstruct end_to_end": ("evaluate end_to_end", "picture", "gallery"),
    "fit_codes": ("evaluate_baselines",),
    "evaluate two_phase": ("table1", "table2", "picture", "errors_figure", "gallery"),
    "evaluate end_to_end": ("table2", "picture", "errors_figure", "gallery"),
    "evaluate_baselines": ("table1", "errors_figure"),
    "photos": ("picture",),
}
"""The rules that use a rule's results; the gallery shows every table and figure besides."""
USED_BY |= {
    rule: ("gallery",) for rule in ("table1", "table2", "picture", "loss_curves", "codes_figure", "errors_figure")
}


def after(*rules: str) -> set[str]:
    """Some rules, and all that run after them."""
    reached, waiting = set(), list(rules)
    while waiting:
        rule = waiting.pop()
        if rule not in reached:
            reached.add(rule)
            waiting += USED_BY.get(rule, ())
    return reached


ONCE = {"table1", "table2", "gallery", "failures", "shapes_table"}
"""Rules that run once for all categories."""


class Setting(NamedTuple):
    """A key of the configuration, another value for it, and the rules that run after that."""

    key: str
    value: object
    reruns: Iterable[str]
    only: Mapping[str, dict[str, str]] = MappingProxyType({})
    """Of some rules, not every job: those with these wildcards."""


# Keys that only say what runs where, or that hold for what is still to be made.
RERUN_NOTHING = [
    Setting("on_bad_mesh", "skip", ()),
    Setting("on_missing_mesh", "skip", ()),
    Setting("accept", ["chairs"], ()),
    Setting("confirm", "yes", ()),
    Setting("limits.mesh_mb", 500, ()),
    Setting("limits.mesh_faces", 2000000, ()),
    Setting("limits.image_mb", 50, ()),
    Setting("limits.image_megapixels", 50, ()),
    Setting("training.gpus", 1, ()),
    Setting("training.threads", 2, ()),
    Setting("training.checkpoint_minutes", 1, ()),
    Setting("training.keep_checkpoints", 1, ()),
    Setting("training.gpu_gb", 1, ()),
    Setting("training.ram_gb", 0, ()),
    Setting("training.micro_batch", 1, ()),
    Setting("demo.train", 5, ()),
    Setting("demo.test", 3, ()),
]

RENDER, SDF, SURFACE = after("render"), after("sdf"), after("surface")
PHASE1, PHASE2 = after("train_embeddings"), after("train_encoder")
CONTRASTIVE, END_TO_END = after("pretrain_contrastive"), after(*END_TO_END_RUNS)
RECONSTRUCT = after(*RECONSTRUCTED)
ISOSURFACE = after(*TEMPLATES, *RECONSTRUCTED, "fit_codes", "photos")
OF_TEST = {"reconstruct": {"split": "test"}}

SETTINGS = [
    Setting("seed", 1, after("prepare") - {"prepare"}),
    Setting("meshes.up", "x", after("prepare")),
    Setting("meshes.front", "x", after("prepare")),
    Setting("views.easy", 4, RENDER, {"render": {"kind": "easy"}}),
    Setting("views.hard", 3, RENDER, {"render": {"kind": "hard"}}),
    Setting("views.image_size", 56, RENDER),
    Setting("views.samples", 2, RENDER),
    Setting("views.passes", ["rgb", "mask"], RENDER),
    Setting("views.engine", "eevee", RENDER),
    Setting("views.device", "cuda", RENDER),
    Setting("sdf.count", 2500, SDF),
    Setting("sdf.near_stds", [0.0224, 0.2], SDF),
    Setting("sdf.uniform_share", 0.2, SDF),
    Setting("sdf.backend", "mesh_to_sdf", SDF),
    Setting("sdf.directions", 50, after("prepare")),
    Setting("surface.points", 600, SURFACE),
    Setting("surface.volume_points", 900, SURFACE),
    Setting("phase1.code_length", 5, PHASE1 | CONTRASTIVE | END_TO_END),
    Setting("phase1.warp_hidden", 16, PHASE1 | END_TO_END),
    Setting("phase1.warp_steps", 8, PHASE1 | END_TO_END),
    Setting("phase1.template_hidden", [16], PHASE1 | END_TO_END),
    Setting("phase1.dropout", 0.05, PHASE1 | END_TO_END),
    Setting("phase1.epochs", 2, PHASE1),
    Setting("phase1.scenes_per_batch", 2, PHASE1),
    Setting("phase1.points_per_scene", 32, PHASE1),
    Setting("phase1.learning_rate_warp", 0.002, PHASE1),
    Setting("phase1.learning_rate_template", 0.004, PHASE1),
    Setting("phase1.learning_rate_codes", 0.002, PHASE1),
    Setting("phase1.halve_learning_rate_every", 4, PHASE1),
    Setting("phase1.pointwise_weight", 2.0e-5, PHASE1 | END_TO_END),
    Setting("phase1.pointpair_weight", 1.0e-4, PHASE1 | END_TO_END),
    Setting("phase1.code_weight", 2.0e-5, PHASE1 | END_TO_END),
    Setting("phase1.clamp", 0.2, PHASE1 | END_TO_END),
    Setting("phase1.precision", "bf16", PHASE1),
    Setting("phase1.compile", True, PHASE1),
    Setting("encoder.backbone", "resnet34", PHASE2 | CONTRASTIVE | END_TO_END),
    Setting("encoder.weights", "imagenet", PHASE2 | CONTRASTIVE),
    Setting("encoder.image_size", 48, PHASE2 | CONTRASTIVE | END_TO_END),
    Setting("encoder.freeze_trunk", True, PHASE2),
    Setting("phase2.views", ["easy"], PHASE2),
    Setting("phase2.epochs", 5, PHASE2),
    Setting("phase2.batch_size", 5, PHASE2),
    Setting("phase2.learning_rate", 0.2, PHASE2),
    Setting("phase2.halve_learning_rate_every", 2, PHASE2),
    Setting("phase2.colour_jitter", 0.0005, PHASE2),
    Setting("phase2.grayscale_probability", 0.3, PHASE2),
    Setting("phase2.precision", "bf16", PHASE2),
    Setting("phase2.compile", True, PHASE2),
    Setting("contrastive.views", ["hard"], CONTRASTIVE),
    Setting("contrastive.positives", "augmentations", CONTRASTIVE),
    Setting("contrastive.epochs", 7, CONTRASTIVE),
    Setting("contrastive.batch_size", 3, CONTRASTIVE),
    Setting("contrastive.temperature", 0.5, CONTRASTIVE),
    Setting("contrastive.projection", 64, CONTRASTIVE),
    Setting("contrastive.learning_rate", 0.4, CONTRASTIVE),
    Setting("contrastive.halve_learning_rate_every", 9, CONTRASTIVE),
    Setting("contrastive.colour_jitter", 0.3, CONTRASTIVE),
    Setting("contrastive.grayscale_probability", 0.3, CONTRASTIVE),
    Setting("contrastive.smallest_crop", 0.4, CONTRASTIVE),
    Setting("contrastive.precision", "bf16", CONTRASTIVE),
    Setting("contrastive.compile", True, CONTRASTIVE),
    Setting("end_to_end.weights", "none", after("train_end_to_end end_to_end", "loss_curves")),
    Setting("end_to_end.compare", [], after("loss_curves", "codes_figure")),
    Setting("end_to_end.rescale_initial_codes", False, END_TO_END),
    Setting("end_to_end.freeze_trunk", True, END_TO_END),
    Setting("end_to_end.views", ["easy"], END_TO_END),
    Setting("end_to_end.epochs", 4, END_TO_END),
    Setting("end_to_end.scenes_per_batch", 3, END_TO_END),
    Setting("end_to_end.points_per_scene", 32, END_TO_END),
    Setting("end_to_end.learning_rate_encoder", 0.002, END_TO_END),
    Setting("end_to_end.learning_rate_warp", 0.002, END_TO_END),
    Setting("end_to_end.learning_rate_template", 0.004, END_TO_END),
    Setting("end_to_end.halve_learning_rate_every", 3, END_TO_END),
    Setting("end_to_end.colour_jitter", 0.1, END_TO_END),
    Setting("end_to_end.grayscale_probability", 0.3, END_TO_END),
    Setting("end_to_end.precision", "bf16", END_TO_END),
    Setting("end_to_end.compile", True, END_TO_END),
    Setting(
        "methods", ["two_phase"], after("table2", "picture", "errors_figure", "loss_curves", "codes_figure", "photos")
    ),
    Setting("isosurface.resolution", 24, ISOSURFACE),
    Setting("isosurface.coarse", 4, ISOSURFACE),
    Setting("reconstruct.views", ["easy"], RECONSTRUCT, OF_TEST),
    Setting("reconstruct.fixed_view", 0, RECONSTRUCT),
    Setting("reconstruct.random_views", 1, RECONSTRUCT, OF_TEST),
    Setting("reconstruct.train_shapes", 1, {*RECONSTRUCTED, "picture", "gallery"}, {"reconstruct": {"split": "train"}}),
    Setting("evaluate.points", 600, after("evaluate_baselines", *EVALUATED)),
    Setting("evaluate.average_over", 32, after("evaluate_baselines")),
    Setting("evaluate.fit.steps", 6, after("fit_codes")),
    Setting("evaluate.fit.points", 32, after("fit_codes")),
    Setting("evaluate.fit.learning_rate", 0.01, after("fit_codes")),
]


class Edit(NamedTuple):
    """Something that a user does, in words, and the rules that run after that, of the categories ``of``."""

    name: str
    words: str
    reruns: Iterable[str] = ()
    of: tuple[str, ...] = BOTH
    only: Mapping[str, dict[str, str]] = MappingProxyType({})
    """Of some rules, not every job: those with these wildcards."""


PHOTOS = after("photos")
TRAIN_SHARD = {rule: {"shard": "train-00"} for rule in ("prepare", "render", "sdf", "surface")}
TEST_VIEWS = {"render": {"shard": "test-00"}, "reconstruct": {"split": "test"}, "evaluate": {"split": "test"}}

EDITS = [
    Edit("nothing", "nothing"),
    Edit("touch_everything", "every file is touched"),
    Edit("fresh_clone", "a fresh clone, with the results of the old one"),
    Edit("results_copied", "the folder `results` is copied to a new clone (`cp -r`)"),
    Edit(
        "results_copied_and_mesh_edited",
        "the same, and then the mesh of a training plane",
        after("prepare"),
        PLANES,
        TRAIN_SHARD,
    ),
    Edit("comment", "a comment in `config.yaml`"),
    Edit("swap", "two values are swapped (`phase1.learning_rate_warp`, `phase1.learning_rate_codes`)", PHASE1),
    Edit("mesh", "the mesh of a training plane", after("prepare"), PLANES, TRAIN_SHARD),
    Edit("material", "the `.mtl` of a training plane", RENDER, PLANES, {"render": {"shard": "train-00"}}),
    Edit(
        "texture",
        "a texture beside the mesh of a test plane",
        RECONSTRUCT | {"render", "failures"},
        PLANES,
        TEST_VIEWS,
    ),
    Edit("mesh_touched", "a mesh is touched"),
    Edit("shape_added", "a training plane is added to the list", after("prepare"), PLANES, TRAIN_SHARD),
    Edit("shape_removed", "a training plane is removed from the list", after("prepare"), PLANES, TRAIN_SHARD),
    Edit("shape_moved", "a plane moves from test to train", after("prepare"), PLANES),
    Edit("category_added", "a category is added (benches: an entry and two lists)", after("prepare"), ("benches",)),
    Edit("category_removed", "a category is removed", ONCE, ()),
    Edit("file workflow/schemas/config.schema.yaml", "the schema"),
    Edit("file README.md", "the README"),
    Edit("resources", "the resources of a rule"),
    Edit("cores", "the number of cores"),
    Edit(
        "package safetensors",
        "the pinned version of a package that models use",
        after("train_embeddings", *OF_VIEWS, *TEMPLATES, "fit_codes"),
    ),
    Edit("patch tqdm", "a patch release of a package that only draws progress bars"),
    Edit("package tqdm", "a minor release of it", after("train_embeddings", *OF_VIEWS)),
    Edit("package snakemake-storage-plugin-http", "the pinned version of a package that no stage uses"),
    Edit("published", "`phase1.from`: a published experiment stands in for phase 1", PHASE1),
    Edit("model_deleted", "the model of a category's phase 1 is deleted", PHASE1, PLANES),
    Edit("photo", "a photo of a plane is edited", PHOTOS, PLANES),
    Edit("photo_masked", "a mask is laid beside the photo of a plane", PHOTOS, PLANES),
    Edit("table_deleted", "a table is deleted", {"table1", "gallery"}, ()),
]


class CodeEdit(NamedTuple):
    """An edit of a file of the library (or of ``scripts``), in words, and the rules that run after that."""

    words: str
    file: str
    old: str
    """The text that is replaced, once; empty to append."""
    new: str
    reruns: Iterable[str] = ()


TRAININGS = after("train_embeddings", *OF_VIEWS)
MODELS = after(*OF_VIEWS) | ISOSURFACE | after("codes_figure", "photos")
MEASURED = after("evaluate_baselines", *EVALUATED, "table1", "table2", "picture", "errors_figure", "gallery")
LOSSES, STAGES, ISO, METRICS = (
    "networks/losses.py",
    "training/embeddings.py",
    "geometry/isosurface.py",
    "evaluation/metrics.py",
)
EPSILON = "(0.025, 0.01, 0.0025, 0.0)"

CODE_EDITS = [
    CodeEdit("a comment", LOSSES, "    moved = ", "    # how far\n    moved = "),
    CodeEdit("a docstring", LOSSES, "how far the warp moves points", "the distance between a point and its warp"),
    CodeEdit("a docstring of a constant", LOSSES, "errors up to this size cost nothing", "the largest free error"),
    CodeEdit("a module's docstring", LOSSES, "The losses, one", "All losses: one"),
    CodeEdit(
        "a reformatting", LOSSES, "predicted: Tensor, codes: Tensor", "\n    predicted: Tensor,\n    codes: Tensor,\n"
    ),
    CodeEdit("a type annotation", LOSSES, "huber: float = 0.25) -> Tensor", "huber=0.25) -> 'Tensor'"),
    CodeEdit("a constant's type annotation", STAGES, "LONGEST_CODE = 1.0", "LONGEST_CODE: float = 1.0"),
    CodeEdit("a dataclass field's type annotation", STAGES, "clamp: float = 0.1", "clamp: int | float = 0.1"),
    CodeEdit(
        "imports in another order",
        LOSSES,
        "import torch\nfrom torch import Tensor\n",
        "from torch import Tensor\nimport torch\n",
    ),
    CodeEdit(
        "an import for type checking",
        LOSSES,
        "import torch\n",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import jax\nimport torch\n",
    ),
    CodeEdit("a new function that nothing calls", LOSSES, "", "\n\ndef squared(x):\n    return pointwise(x, x) ** 2\n"),
    CodeEdit("the name of a function that no rule calls", "geometry/sdf.py", "def signed_distances(", "def signed("),
    CodeEdit(
        "the body of a function that no rule calls",
        "data/shapenet.py",
        "def known_faults(",
        "def known_faults(*_, **__):\n    pass\n\n\ndef other(",
    ),
    CodeEdit("the text of a log message", "training/loop.py", "resumes from epoch", "continues with epoch"),
    CodeEdit(
        "a module that only logs", "training/progress.py", "SECONDS_BETWEEN_LINES = 15", "SECONDS_BETWEEN_LINES = 5"
    ),
    CodeEdit("a module that decides where data are kept", "data/memory.py", "RAM_SHARE = 0.5", "RAM_SHARE = 0.4"),
    CodeEdit("a module that draws for TensorBoard", "training/pictures.py", '"resolution": 64', '"resolution": 32'),
    CodeEdit("the demo's meshes, with your own", "data/demo/meshes.py", "", "\nEDITED = True\n"),
    CodeEdit("a comment in a script", "scripts/sdf.py", "    with logs", "    # all of it\n    with logs"),
    CodeEdit("the body of one loss (`losses.pointwise`)", LOSSES, "0.5 * moved**2", "moved**2", PHASE1 | END_TO_END),
    CodeEdit("the body of another (`losses.nt_xent`)", LOSSES, ".float().mean()", ".double().mean()", CONTRASTIVE),
    CodeEdit(
        "a constant that two losses share through a third",
        LOSSES,
        EPSILON,
        "(0.02, 0.01, 0.0, 0.0)",
        PHASE1 | END_TO_END,
    ),
    CodeEdit("a constant of phase 1", STAGES, "LONGEST_CODE = 1.0", "LONGEST_CODE = 2.0", PHASE1),
    CodeEdit("a default value", LOSSES, "huber: float = 0.25", "huber: float = 0.5", PHASE1 | END_TO_END),
    CodeEdit(
        "a default of a dataclass", STAGES, "points_per_scene: int = 5000", "points_per_scene: int = 4000", PHASE1
    ),
    CodeEdit(
        "a new field of a dataclass",
        STAGES,
        "    clamp: float = 0.1",
        "    clamp: float = 0.1\n    power: int = 1",
        PHASE1 | END_TO_END,
    ),
    CodeEdit("one method of a class", STAGES, "std=length**-0.5", "std=2 * length**-0.5", PHASE1),
    CodeEdit("a base class", "training/stage.py", "    summed = False", "    summed = bool(0)", TRAININGS),
    CodeEdit(
        "a decorator",
        "rendering/cameras.py",
        "@dataclass(frozen=True)",
        "@dataclass",
        after("render", "picture", "errors_figure", *RECONSTRUCTED),
    ),
    CodeEdit(
        "a call of a new function",
        LOSSES,
        "def pointwise(",
        "def half(x):\n    return 0.5 * x\n\n\ndef pointwise(x, *_):\n    return half(x).mean()\n\n\ndef older(",
        PHASE1 | END_TO_END,
    ),
    CodeEdit(
        "a helper of another module's function", "geometry/consistency.py", "TOLERANCE = 0.005", "TOLERANCE = 0.05", SDF
    ),
    CodeEdit(
        "a constant of the cameras",
        "rendering/cameras.py",
        "LENS_MM = 35.0",
        "LENS_MM = 36.0",
        after("render", "picture", "errors_figure"),
    ),
    CodeEdit("a constant of the isosurface", ISO, "SLOPE_MARGIN = 1.5", "SLOPE_MARGIN = 2.0", ISOSURFACE),
    CodeEdit("the table of measures", METRICS, "F_SCORE_DISTANCE = 0.01", "F_SCORE_DISTANCE = 0.02", MEASURED),
    CodeEdit(
        "the encoder's class",
        "networks/encoder.py",
        "            self.trunk.eval()",
        "            self.trunk.train(False)",
        MODELS,
    ),
    CodeEdit(
        "the style of the figures",
        "report/style.py",
        '"font.size": 9',
        '"font.size": 8',
        after("picture", "errors_figure", "loss_curves", "codes_figure", "photos"),
    ),
    CodeEdit("a script", "scripts/table1.py", "Table 1: Chamfer", "Table 1: the Chamfer", after("table1")),
]

ORDER = ["prepare", "render", "sdf", "surface", "failures", "shapes_table"]
ORDER += [
    "train_embeddings",
    "train_encoder",
    "pretrain_contrastive",
    "train_end_to_end",
    "extract_template",
    "reconstruct",
    "fit_codes",
    "evaluate",
]
ORDER += ["evaluate_baselines", "table1", "table2"]
ORDER += ["picture", "loss_curves", "codes_figure", "errors_figure", "gallery", "photos"]


def page() -> str:
    """The text of docs/reruns.md."""
    lines = [
        "# What reruns after which edit",
        "",
        "Made by `tests/workflow/edits.py` from the data that `tests/workflow/test_staleness.py` checks; do not edit.",
        "`snakemake why` answers the same for your own edits, with the cause of each job. Without a category, a row",
        "holds for all of them. Of each rule, only the jobs that the edit concerns run (a mesh: its shard). Within a",
        "shard, only the shapes that changed are made again.",
        "",
        "| edit | runs again |",
        "| --- | --- |",
        *(f"| {edit.words} | {_said(edit.reruns, edit.of)} |" for edit in EDITS),
        "",
        "## Code",
        "",
        "A script depends on the functions, classes and constants that it can reach in the library, however many",
        "calls away. Each counts by what it means: its syntax tree without comments, docstrings, annotations,",
        "formatting and the texts of log messages. A class counts as a whole, with its methods and bases.",
        "Module-level statements that define nothing count for every script that imports the module. Modules that",
        "only observe a run (logs, TensorBoard), or decide where its data are kept, do not count.",
        "",
        "The version of a package counts for the scripts that use the package. Patch releases of packages that",
        "cannot change numbers do not count (`HARMLESS_PATCHES` in `runtime/provenance.py`, with the reasons).",
        "",
        "If a program can use names that its text does not show (`globals()`, `eval`, `import_module` with a",
        "computed name, a module as a value, `from x import *`), the whole module counts, or all modules.",
        "`make lint` prints each such statement; there are none.",
        "",
        "The analysis does not see files that a module reads, other programs that it starts, and what the import",
        "of a package does that nothing uses. `report/gallery.html`, the only such file, is a param of its rule.",
        "",
        "`tests/workflow/test_calls.py` runs every rule and checks that each function that was called is among",
        "those that the rule depends on.",
        "",
        "| edit of code | runs again |",
        "| --- | --- |",
        *(f"| {edit.words}: `{edit.file}` | {_said(edit.reruns, BOTH)} |" for edit in CODE_EDITS),
        "",
        "## If a change does not matter",
        "",
        "After a refactoring or a new version of a package, `.venv/bin/snakemake accept` takes the results as",
        "current whose code changed, and lists them. It holds for jobs, for the members of their archives and for",
        "checkpoints. So if you edit one mesh later, one member is made, not the whole shard. The next change of",
        "the same code ends it. Name rules or categories to accept some results only:",
        '`.venv/bin/snakemake accept --config "accept=[sdf, chairs]"`.',
        "",
        "Changed settings are never accepted. `.venv/bin/snakemake --touch` takes everything as current that",
        "exists, but only for Snakemake: if you edit one mesh later, all members of its shard are made again.",
        "",
        "## Before hours are lost",
        "",
        "If a run would train again from scratch what took more than an hour, Snakemake says so first, with the",
        "causes, and asks you. Without a terminal, or on a cluster, it goes on. So it does with",
        "`--config confirm=yes`. More epochs continue, and checkpoints are kept ([Training](training.md)).",
        "",
        "## Every key of the configuration",
        "",
        "| key | runs again |",
        "| --- | --- |",
        *(f"| `{setting.key}` | {_said(setting.reruns, BOTH)} |" for setting in SETTINGS + RERUN_NOTHING),
        "",
        "With the built-in shapes, `seed`, `demo.train` and `demo.test` make other shapes, and so everything.",
        "`categories`, `phase1.from`: see above. `photos`: the reconstructions of photos. `shapenet` and",
        "`meshes.layout`: whatever has other meshes there. `labels`: the results of `snakemake transfer`.",
    ]
    return "\n".join(lines) + "\n"


def _said(reruns: Iterable[str], of: tuple[str, ...]) -> str:
    said = []
    for rule in ORDER:
        variants = VARIANTS.get(rule, ())
        those = [variant for variant in variants if f"{rule} {variant}" in reruns]
        if rule in reruns or (those and len(those) == len(variants)):
            said.append(f"`{rule}`")
        elif those:
            said.append(f"`{rule}` ({those[0].replace('_', '-')})")
    return (", ".join(said) or "nothing") + (f" of {of[0]}" if len(of) == 1 else "")


if __name__ == "__main__":
    print(page(), end="")
