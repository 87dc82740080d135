# The photos, backgrounds and labels that you give. They are params, as digests, not input files: a file name may hold anything, and
# Snakemake takes some of it for wildcards.

from template3d.data import labels, photos
from template3d.runtime import digests


def photos_of(category):
    """Your photos of a category, without their masks."""
    return photos.listed(Path(config["photos"]) / category)


def photo_digests(category):
    """Digests of your photos of a category and of their masks, by file name."""
    return file_digests("photo", category, [*photos_of(category), *photos.masks(photos_of(category))])


def background_digests():
    """Digests of the photos that replace backgrounds in training, by file name."""
    folder = config["augmentation"]["backgrounds"]
    return file_digests("background", "all", photos.listed(Path(folder))) if folder else {}


def labels_of(category):
    """The files in which you labelled shapes of a category: <labels>/<category>/<shape>.csv or .ply."""
    return labels.listed(Path(config["labels"]) / category)


def label_digests(category):
    """Digests of your labels of a category, by file name."""
    return file_digests("label", category, labels_of(category))


def file_digests(what, category, files):
    """Digests of files of one folder, by name."""
    cache = Path(f".snakemake/{what}_digests/{category}.json")
    return {file.name: digest for file, digest in digests.of_files(files, cache).items()}


def transferred(wildcards):
    """The results of `transfer`: an archive for each category in which you labelled a shape."""
    labelled = [name for name in CATEGORIES if labels_of(name)]
    if not labelled:
        pattern = f"{config['labels']}/<category>/<shape>.csv"
        raise WorkflowError(
            f"there are no labels to transfer; put some into {pattern} (x, y, z, label) or .ply (painted)"
        )
    return expand("results/transfer/{category}.zip", category=labelled)
