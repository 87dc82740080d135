# The photos, backgrounds, labels and keypoints that you give. They are params, as digests, not input files: a file name
# may hold anything, and Snakemake takes some of it for wildcards. And the pair of shapes that you name.

from template3d.data import annotation_files, pairs, photos
from template3d.evaluation.methods import PUBLISHED
from template3d.networks import model_folders
from template3d.runtime import digests, downloads


def photos_of(category):
    """Your photos of a category, without their masks."""
    return photos.listed(Path(config["photos"]) / category)


def photo_digests(category):
    """Digests of your photos of a category and of their masks, by file name."""
    return file_digests("photo", category, [*photos_of(category), *photos.masks(photos_of(category))])


def photo_methods(category):
    """The methods that reconstruct the photos of a category: those of the run, or the model of `photo_models`."""
    return [PUBLISHED] if category in config["photo_models"] else TRAINED_METHODS


def photo_model(category):
    """What identifies the model of `photo_models`: its address, or the digests of its files."""
    model = config["photo_models"][category]
    if downloads.is_address(model):
        return model
    try:
        weights = model_folders.weights_of(model, key=f"config: photo_models.{category}")
    except InputError as error:
        raise WorkflowError(str(error))
    return file_digests("photo_model", category, [weights, weights.with_suffix(".json")])


def trained_photo_models(wildcards, file="model.safetensors"):
    """A file of each model of the run that reconstructs the photos of a category."""
    trained = [method for method in photo_methods(wildcards.category) if method in TRAINED_METHODS]
    return [model_of(method, file)(wildcards) for method in trained]


def background_digests():
    """Digests of the photos that replace backgrounds in training, by file name."""
    folder = config["augmentation"]["backgrounds"]
    return file_digests("background", "all", photos.listed(Path(folder))) if folder else {}


def labels_of(category):
    """The files in which shapes of a category are labelled: yours, and those of ShapeNetPart."""
    shapes = {shape for split in SPLITS[category].values() for shape in split}
    return annotation_files.labels_of(Path(config["labels"]), category, SYNSETS[category], shapes)


def label_digests(category):
    """Digests of the labels of a category, and of the parts, materials and textures beside them, by file name."""
    own = file_digests("label", category, labels_of(category))
    beside = {}
    for file in labels_of(category):
        others = [annotation_files.parts_file(file)]
        if file.suffix.lower() in annotation_files.MESHES:
            others = mesh_folders.appearance_files(mesh_folders.Location(file.resolve()))
        beside |= {other: f"{file.name}, {other.name}" for other in others if other}
    cache = Path(f".snakemake/label_digests/{category}_beside.json")
    return own | {beside[file]: digest for file, digest in digests.of_files(beside, cache).items()}


def keypoints_of(category):
    """The files with keypoints of a category: tables of yours, and KeypointNet's annotations."""
    return annotation_files.keypoints_of(Path(config["keypoints"]), category)


def keypoint_digests(category):
    """Digests of the keypoints of a category, by file name."""
    return file_digests("keypoint", category, keypoints_of(category))


def file_digests(what, category, files):
    """Digests of files of one folder, by name."""
    cache = Path(f".snakemake/{what}_digests/{category}.json")
    return {file.name: digest for file, digest in digests.of_files(files, cache).items()}


def transferred(wildcards):
    """The results of `transfer`: those of each category with labels, and of each with keypoints."""
    results = expand("results/transfer/{category}.zip", category=[name for name in CATEGORIES if labels_of(name)])
    results += expand("results/transfer/{category}_keypoints.csv", category=[c for c in CATEGORIES if keypoints_of(c)])
    if not results:
        raise WorkflowError(
            f"there are no labels to transfer; put some into {config['labels']}/<category>/<shape>.csv (x, y, z, label), "
            f".ply or .glb (painted), or keypoints into {config['keypoints']}/<category>/*.csv (shape, name, x, y, z)"
        )
    return results


def annotated_categories():
    """The categories whose correspondence can be measured: those with labels or keypoints, or all of the demo."""
    return [name for name in CATEGORIES if config["shapenet"] == "demo" or labels_of(name) or keypoints_of(name)]


def measured_correspondence(wildcards):
    """The measures of `correspondence` for each category that has annotations."""
    annotated = annotated_categories()
    if not annotated:
        raise WorkflowError(
            "there are no annotations to compare with; put keypoints (KeypointNet's JSON or CSV) into "
            f"{config['keypoints']}/<category>, or labels of several shapes into {config['labels']}/<category>"
        )
    return expand("results/metrics/{category}/correspondence.csv", category=annotated)


def named_pair():
    """The category and the two training shapes that `between` names; a pair of None without it."""
    if not config["between"]:
        return None, None
    try:
        return pairs.category_and_ids(config["between"], {name: SPLITS[name]["train"] for name in TRAINED_CATEGORIES})
    except InputError as error:
        raise WorkflowError(str(error))


def ends_of(category):
    """The two training shapes of a category between which `interpolations` draws."""
    named, ends = named_pair()
    return ends if named == category else splits.spread(SPLITS[category]["train"], 2)


# A folder without a model ends here, in one sentence.
PHOTO_MODELS = {category: photo_model(category) for category in config["photo_models"]}
