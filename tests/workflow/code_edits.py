"""What reruns after which edit of code: the table behind test_staleness.py and docs/reruns.md."""

from collections.abc import Iterable
from typing import NamedTuple

from edits import CONTRASTIVE, END_TO_END, EVALUATED, ISOSURFACE, OF_VIEWS, PHASE1, RECONSTRUCTED, SDF, after


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
    CodeEdit("a comment in a script", "scripts/sdf.py", "    with sealed_job", "    # all of it\n    with sealed_job"),
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
        after("render", "synthetic_views", "picture", "errors_figure", *RECONSTRUCTED),
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
        after("render", "synthetic_views", "picture", "errors_figure"),
    ),
    CodeEdit("a constant of the isosurface", ISO, "SLOPE_MARGIN = 1.5", "SLOPE_MARGIN = 2.0", ISOSURFACE),
    CodeEdit("the table of measures", METRICS, "F_SCORE_PERCENTS = (0.5,", "F_SCORE_PERCENTS = (0.6,", MEASURED),
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
