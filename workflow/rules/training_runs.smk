# What the trainings share: their memory, the runs of end-to-end training, and where initial weights come from.

from template3d.networks import DECODER_SIZES
from template3d.runtime import schema

EXPERIMENT_FILES = ("specs.json", "ModelParameters/latest.pth", "LatentCodes/latest.pth")
LOSS_NUMBERS = ("pointwise_weight", "pointpair_weight", "code_weight", "clamp")


def training_mb(wildcards, attempt):
    """Memory of a training: for its samples and its views, as far as it may keep them in memory, and the rest."""
    shapes, image_size = len(SPLITS[wildcards.category]["train"]), config["encoder"]["image_size"]
    views = sum(config["views"][kind] for kind in protocols.KINDS)
    data = (16e-6 * shapes * config["sdf"]["count"], 3e-6 * shapes * views * image_size**2)
    most = float("inf") if TRAINING["ram_gb"] == "auto" else 1000 * TRAINING["ram_gb"]
    return int(8000 + sum(min(megabytes, most) for megabytes in data)) * attempt


def synthetic_archives(category, name):
    """An archive of a category's synthetic shapes; none if it has enough shapes without them."""
    few = len(SPLITS[category]["train"]) < config["phase2"]["synthetic_shapes"]
    return [f"results/models/{category}/synthetic/{name}"] if few else []


def phase2_settings():
    """The settings that phase 2 depends on; its inputs say how many synthetic shapes it has."""
    return {key: value for key, value in config["phase2"].items() if key != "synthetic_shapes"}


def published_experiment(category):
    """The files of a published experiment that replaces phase 1, or none."""
    if not config["phase1"]["from"]:
        return []
    folder = Path(config["phase1"]["from"].replace(schema.CATEGORY, category))
    split = splits.train_split_of(folder / "specs.json")
    return [*(folder / name for name in EXPERIMENT_FILES), *([split] if split else [])]


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
