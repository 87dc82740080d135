"""The card of a model that is handed over: what it learned from, its settings, its accuracy, and how to use it.

Source: Mitchell et al., "Model Cards for Model Reporting" (2019); the header is that of Hugging Face's cards.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from template3d.evaluation.methods import BASELINES, METHODS
from template3d.networks.models import Model
from template3d.runtime import seals
from template3d.runtime.errors import InputError

CARD = """---
library_name: template3d
pipeline_tag: image-to-3d
---

# {title}

{purpose}

## What it has seen

{data}

## Use

```
{use}
```

`sha256sum -c SHA256SUMS` compares the files with what was exported; `template3d` does so at each start.

## Accuracy

{accuracy}

## Confidence

{confidence}

## Settings

{settings}

## Licence

{licence}
"""
ACCURACY = """Mean Chamfer distance x 1000 on the {scored} test shapes: squared distances both ways, in ShapeNet units
(diagonal 1), with a 95 % bootstrap interval.

| method | views | mean | median |
| --- | --- | ---: | ---: |
{rows}"""
MEASURE = "chamfer_shapenet_x1000"
NO_LICENCE = (
    "Not stated by who exported this model. The terms of the training meshes may bind it: those of ShapeNet, for "
    "example, allow research only."
)


class Run(NamedTuple):
    """The run that trained a model, as far as its folders are still there."""

    root: Path
    """The folder that holds ``results``."""
    seal: seals.Seal
    """The seal of the model's weights."""

    @classmethod
    def of(cls, weights: Path) -> "Run | None":
        """The run of a model in ``results``; None if it has no seal there. Raises InputError for a damaged seal."""
        try:
            seal = seals.read(weights)
        except FileNotFoundError:
            return None
        root = weights.resolve().parents[len(Path(seal.result).parts) - 1]
        return cls(root, seal) if root / seal.result == weights.resolve() else None

    def settings(self) -> dict:
        """The settings of all its trainings, by section."""
        seals_of = [self.seal, *map(self._seal, sorted(name for name in self.seal.inputs if "/models/" in name))]
        merged: dict = {}
        for seal in seals_of:
            merged |= seal.settings.get("settings", {}) if seal else {}
        return {section: values for section, values in sorted(merged.items()) if section != "shapes"}

    def accuracy(self) -> Iterator[dict[str, str]]:
        """The rows of the tables with the main measure of this model; none if they are of another model."""
        category, method = Path(self.seal.result).parts[-3:-1]
        reconstructed = self._seal(f"results/reconstructions/{category}/{method}/test.zip")
        if reconstructed is None or reconstructed.inputs.get(self.seal.result) != self.seal.digest:
            return
        for table in (self.root / f"results/tables/table{number}.csv" for number in (1, 2)):
            rows = list(csv.DictReader(table.open(encoding="utf-8"))) if table.is_file() else []
            rows = [row for row in rows if row["category"] == category and row["measure"] == MEASURE]
            if any(row["method"] == method for row in rows):
                yield from rows
                return

    def _seal(self, name: str) -> seals.Seal | None:
        try:
            return seals.read(self.root / name)
        except (FileNotFoundError, InputError):  # deleted or damaged since: the card leaves out what it says
            return None


def text(model: Model, weights: Path, licence: str | None = None, note: str | None = None) -> str:
    """The card, in Markdown, of a model that was read from ``weights``; ``note`` is a paragraph below its title."""
    run, method = Run.of(weights), weights.parent.name
    known = model.trained_on.category if model.trained_on else run.seal.wildcards.get("category") if run else None
    category = known or "shapes of an unknown category"
    name = f", {METHODS[method].name}" if method in METHODS else ""
    rows = list(run.accuracy()) if run else []
    accuracy = ACCURACY.format(scored=rows[0]["scored"], rows="\n".join(map(_row, rows))) if rows else "Not measured."
    settings = run.settings() if run else {}
    return CARD.format(
        title=f"template3d: {category}{name}",
        purpose="\n\n".join(filter(None, [_purpose(model, category), note])),
        data=f"It learned from {model.trained_on}." if model.trained_on else "Not recorded.",
        use=_use(model),
        accuracy=accuracy,
        confidence=_confidence(model),
        settings=f"```json\n{json.dumps(settings, indent=1)}\n```" if settings else "Not recorded.",
        licence=licence or NO_LICENCE,
    )


def _purpose(model: Model, category: str) -> str:
    if model.encoder is None:
        return f"A template of {category}, and a code for each of its training shapes. It has no encoder for photos."
    return f"From one photo of an object ({category}) to its 3D shape, as a warp of a template that all of them share."


def _use(model: Model) -> str:
    if model.encoder is None:
        return "python -c 'from template3d import load_model; load_model(\"<this folder>/model.safetensors\")'"
    return "pip install <template3d>\ntemplate3d reconstruct --model <this folder> photo.jpg -o shape.glb"


def _row(row: dict[str, str]) -> str:
    mean, low, high, median = (f"{float(row[key]):.2f}" for key in ("mean", "mean_low", "mean_high", "median"))
    titles = {method: names.title for method, names in METHODS.items()} | BASELINES
    return f"| {titles[row['method']]} | {row['views'].replace('_', ' ')} | {mean} [{low}, {high}] | {median} |"


def _confidence(model: Model) -> str:
    if model.calibration is None:
        return "Not calibrated: the confidence in a photo's shape is not known."
    return (
        f"Calibrated on {len(model.calibration.held_out)} views of shapes that the encoder did not learn from. It says "
        "how much a photo is like the training views, not how large the error is."
    )
