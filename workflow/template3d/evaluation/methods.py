"""The registry of reconstruction methods and of the baselines that they are compared with."""

from typing import NamedTuple


class Method(NamedTuple):
    """The names of a method, and the training that made its template."""

    title: str
    """Its title in tables."""
    name: str
    """Its short name in pictures and on the page."""
    decoder: str
    """The folder, under results/models/<category>, of the model whose template and warp the method uses."""


METHODS = {
    "two_phase": Method("Reconstruction from one view (two-phase)", "two-phase", "embeddings"),
    "end_to_end": Method("Reconstruction from one view (end-to-end)", "end-to-end", "end_to_end"),
}
BASELINES = {
    "template_only": "The template alone",
    "train_average": "A random training shape",
    "nearest_code": "The training shape with the nearest code",
    "nearest_oracle": "Oracle retrieval: the nearest training shape",
    "code_fit": "A code fitted to the true distances",
}
"""The baselines, each with its title in tables."""
PUBLISHED = "published"
"""The model of `photo_models`, which reconstructs photos only."""
NAMES = {name: method.name for name, method in METHODS.items()} | {
    PUBLISHED: "published model",
    "nearest_code": "retrieval",
    "nearest_oracle": "oracle retrieval",
    "code_fit": "fitted code",
    "template_only": "the template",
    "train_average": "random training shape",
}
"""Short names of all these, in the order in which the page compares them."""
