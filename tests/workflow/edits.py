"""What reruns after which edit or setting: the tables behind test_staleness.py and docs/reruns.md."""

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
    "render": (
        *("failures", "picture", "codes_figure", "errors_figure", "gallery", *OF_VIEWS, *RECONSTRUCTED, *EVALUATED),
        "evaluate_baselines",
    ),
    "sdf": ("failures", "shapes_table", "train_embeddings", "fit_codes", *END_TO_END_RUNS),
    "surface": ("failures", "evaluate_baselines", *EVALUATED),
    "train_embeddings": (
        *("synthetic_shapes", "train_encoder", "extract_template two_phase", "fit_codes", "loss_curves"),
    ),
    "synthetic_shapes": ("synthetic_views", "train_encoder"),
    "synthetic_views": ("train_encoder",),
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
    Setting("between", ["1e6a", "0934"], ()),
    Setting("seeds", 2, ()),
    Setting("correspondence.sources", 2, ()),
    Setting("confirm", "yes", ()),
    Setting("limits.mesh_mb", 500, ()),
    Setting("limits.mesh_faces", 2000000, ()),
    Setting("limits.polygon_corners", 500, ()),
    Setting("limits.materials", 50, ()),
    Setting("limits.shape_minutes", 5, ()),
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
    Setting("demo.easy", 4, ()),
    Setting("demo.hard", 4, ()),
    Setting("demo.image_size", 32, ()),
    Setting("demo.fixed_view", 1, ()),
    Setting("demo.directions", 50, ()),
    Setting("demo.min_steps_per_epoch", 7, ()),
    Setting("demo.synthetic_shapes", 5, ()),
]

RENDER, SDF, SURFACE = after("render"), after("sdf"), after("surface")
PHASE1, PHASE2 = after("train_embeddings"), after("train_encoder")
SYNTHETIC, SYNTHETIC_VIEWS = after("synthetic_shapes"), after("synthetic_views")
CONTRASTIVE, END_TO_END = after("pretrain_contrastive"), after(*END_TO_END_RUNS)
RECONSTRUCT = after(*RECONSTRUCTED)
ISOSURFACE = after("synthetic_shapes", *TEMPLATES, *RECONSTRUCTED, "fit_codes", "photos")
OF_TEST = {"reconstruct": {"split": "test"}}

SETTINGS = [
    Setting("seed", 1, after("prepare") - {"prepare"}),
    Setting("split.validation_share", 0.5, SYNTHETIC | CONTRASTIVE | END_TO_END),
    Setting("meshes.up", "x", after("prepare")),
    Setting("meshes.front", "x", after("prepare")),
    Setting("views.easy", 4, RENDER, {"render": {"kind": "easy"}}),
    Setting("views.hard", 3, RENDER, {"render": {"kind": "hard"}}),
    Setting("views.image_size", 56, RENDER | SYNTHETIC_VIEWS),
    Setting("views.samples", 2, RENDER | SYNTHETIC_VIEWS),
    Setting("views.passes", ["rgb", "mask"], RENDER),
    Setting("views.engine", "eevee", RENDER | SYNTHETIC_VIEWS),
    Setting("views.device", "cuda", RENDER | SYNTHETIC_VIEWS),
    Setting("sdf.count", 2500, SDF),
    Setting("sdf.near_stds", [0.0224, 0.2], SDF),
    Setting("sdf.uniform_share", 0.2, SDF),
    Setting("sdf.stretched_share", 0.1, SDF),
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
    Setting("phase1.min_steps_per_epoch", 7, PHASE1),
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
    Setting("encoder.image_size", 64, PHASE2 | CONTRASTIVE | END_TO_END),
    Setting("encoder.crop_to_object", False, PHASE2 | CONTRASTIVE | END_TO_END),
    Setting("encoder.freeze_trunk", True, PHASE2),
    Setting("augmentation.shift", 0.1, PHASE2 | END_TO_END),
    Setting("augmentation.scale", 0.1, PHASE2 | END_TO_END),
    Setting("augmentation.rotation_deg", 10, PHASE2 | END_TO_END),
    Setting("augmentation.light", 0.2, PHASE2 | END_TO_END),
    Setting("augmentation.blur", 1, PHASE2 | END_TO_END),
    Setting("augmentation.jpeg_probability", 0.5, PHASE2 | END_TO_END),
    Setting("augmentation.background_probability", 0.5, PHASE2 | END_TO_END),
    Setting("augmentation.backgrounds", "backgrounds", PHASE2 | END_TO_END),
    Setting("phase2.views", ["easy"], SYNTHETIC_VIEWS),
    Setting("phase2.synthetic_shapes", 7, SYNTHETIC),
    Setting("phase2.epochs", 5, PHASE2),
    Setting("phase2.min_steps_per_epoch", 7, PHASE2),
    Setting("phase2.batch_size", 5, PHASE2),
    Setting("phase2.learning_rate", 0.2, PHASE2),
    Setting("phase2.halve_learning_rate_every", 2, PHASE2),
    Setting("phase2.patience", 1, PHASE2),
    Setting("phase2.colour_jitter", 0.0005, PHASE2),
    Setting("phase2.grayscale_probability", 0.3, PHASE2),
    Setting("phase2.precision", "bf16", PHASE2),
    Setting("phase2.compile", True, PHASE2),
    Setting("contrastive.views", ["hard"], CONTRASTIVE),
    Setting("contrastive.positives", "augmentations", CONTRASTIVE),
    Setting("contrastive.epochs", 7, CONTRASTIVE),
    Setting("contrastive.min_steps_per_epoch", 7, CONTRASTIVE),
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
    Setting("end_to_end.min_steps_per_epoch", 7, END_TO_END),
    Setting("end_to_end.scenes_per_batch", 3, END_TO_END),
    Setting("end_to_end.points_per_scene", 32, END_TO_END),
    Setting("end_to_end.learning_rate_encoder", 0.002, END_TO_END),
    Setting("end_to_end.learning_rate_warp", 0.002, END_TO_END),
    Setting("end_to_end.learning_rate_template", 0.004, END_TO_END),
    Setting("end_to_end.halve_learning_rate_every", 3, END_TO_END),
    Setting("end_to_end.patience", 1, END_TO_END),
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
    Setting("evaluate.average_over", 8, after("evaluate_baselines")),
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
    Edit("records_lost", "the folder `results` is copied without `results/records`"),
    Edit(
        "records_lost_and_setting_changed",
        "the same, and then `evaluate.points` is changed",
        after("evaluate_baselines", *EVALUATED),
    ),
    Edit("model_damaged", "a bit of a model flips", PHASE2, PLANES),
    Edit("models_swapped", "the models of two categories are exchanged", PHASE2),
    Edit("table_edited", "a CSV file of measures is edited", after("evaluate two_phase"), PLANES),
    Edit(
        "seal_lost",
        "the hidden seal of a result is deleted (`.test.zip.seal`)",
        after("reconstruct two_phase"),
        PLANES,
        OF_TEST,
    ),
    Edit("comment", "a comment in `config.yaml`"),
    Edit("swap", "two values are swapped (`phase1.learning_rate_warp`, `phase1.learning_rate_codes`)", PHASE1),
    Edit("mesh", "the mesh of a training plane", after("prepare"), PLANES, TRAIN_SHARD),
    Edit("material", "the `.mtl` of a training plane", RENDER, PLANES, {"render": {"shard": "train-00"}}),
    Edit(
        "texture",
        "a texture beside the mesh of a test plane",
        RECONSTRUCT | {"render", "failures", "codes_figure"},
        PLANES,
        TEST_VIEWS,
    ),
    Edit("mesh_touched", "a mesh is touched"),
    Edit("shape_added", "a training plane is added to the list", after("prepare"), PLANES, TRAIN_SHARD),
    Edit("shape_removed", "a training plane is removed from the list", after("prepare"), PLANES, TRAIN_SHARD),
    Edit("shape_moved", "a plane moves from test to train", after("prepare"), PLANES),
    Edit("category_added", "a category is added (benches: an entry and two lists)", after("prepare"), ("benches",)),
    Edit("category_removed", "a category is removed", ONCE, ()),
    Edit(
        "model_of_another",
        "`evaluate.models: {planes: chairs}`",
        after(*TEMPLATES, *RECONSTRUCTED, "fit_codes") | {"photos", "codes_figure", "failures", "shapes_table"},
        PLANES,
        OF_TEST,
    ),
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
    Edit(
        "synthetic_shapes",
        "`phase2.synthetic_shapes` is lowered to the number of training shapes",
        PHASE2,
    ),
    Edit("model_deleted", "the model of a category's phase 1 is deleted", PHASE1, PLANES),
    Edit("photo", "a photo of a plane is edited", PHOTOS, PLANES),
    Edit("photo_masked", "a mask is laid beside the photo of a plane", PHOTOS, PLANES),
    Edit("table_deleted", "a table is deleted", {"table1", "gallery"}, ()),
]
