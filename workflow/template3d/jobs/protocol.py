"""What one must know to compare a table's numbers: frame, measures, splits, counts, and how each stage made them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from template3d.evaluation.tables import MEASURES
from template3d.runtime import seals

FRAME = "ShapeNet's: y up, front -z, unit: the diagonal of the shape's box; chamfer_unit is in the unit sphere"
NOT_SETTINGS = {"checkpoint", "board", "materials", "shapes", "splits", "synset", "known_faults"}
"""Params that differ from shard to shard, and paths."""


def of_metrics(files: Iterable[str], rows: pd.DataFrame, method: str, published: pd.DataFrame) -> dict[str, Any]:
    """The protocol of metrics files, from their rows and from the seals of all results that they were made from.

    ``rows`` are those of ``tables.read_metrics``; ``method`` is the one whose failures are counted. ``published`` has
    the published splits, each with the digest of its ids. Results that were deleted since, and those that `snakemake
    accept` sealed, say nothing of their stage.
    """
    made_from = sorted(seals.ancestors(files).items())
    by_rule: dict[str, list[seals.Seal]] = {}
    for _, seal in made_from:
        if seal is not None:
            by_rule.setdefault(seal.rule, []).append(seal)
    compared = {
        seal.wildcards["category"]: seal.settings["settings"]
        for seal in by_rule.get("evaluate_baselines", ())
        if "settings" in seal.settings
    }
    return {
        "frame": FRAME,
        "measures": MEASURES,
        "models": {name: settings["model_of"] for name, settings in compared.items()},
        "splits": {
            name: {part: _ids(ids, part, published) for part, ids in settings["splits"].items()}
            for name, settings in compared.items()
        },
        "shapes": {name: _counts(of_category, method) for name, of_category in rows.groupby("category", sort=False)},
        "deleted_since": [name for name, seal in made_from if seal is None],
        "of_unknown_settings": [name for name, seal in made_from if seal is not None and not seal.settings],
        "stages": {rule: _stage(of_rule) for rule, of_rule in sorted(by_rule.items())},
    }


def in_words(protocol: Mapping[str, Any]) -> str:
    """The splits and points of a protocol as Markdown."""
    stages = protocol["stages"]
    points = [
        f"points on {what}: {count if isinstance(count, list) else f'{count:,}'}"
        for stage, section, what in (
            ("evaluate", "evaluate", "each reconstruction"),
            ("surface", "surface", "the visible surface of each ground truth"),
        )
        if (count := stages.get(stage, {}).get("settings", {}).get(section, {}).get("points"))
    ]
    facts = "; ".join([f"Frame: {protocol['frame']}", *points])
    lines = ["## Protocol", "", f"{facts}. `protocol.json` has the rest.", ""]
    for category, parts in protocol["splits"].items():
        counts = [
            f"{parts[part]['count']:,} listed {word} shapes ({parts[part]['published'] or 'not a published split'})"
            for part, word in (("train", "training"), ("test", "test"))
        ]
        model = protocol["models"][category]
        whose = f", by the model of {model}, which learned from no {category}" if model != category else ""
        lines.append(f"* {category}{whose}: {' and '.join(counts)}")
    return "\n".join([*lines, ""])


def digest_of_ids(ids: Iterable[str]) -> str:
    """The SHA-256 (64 hexadecimal digits) of the sorted ids, each with a line break; ``sort`` with LC_ALL=C."""
    return hashlib.sha256("".join(f"{name}\n" for name in sorted(ids)).encode()).hexdigest()


def _ids(ids: list[str], part: str, published: pd.DataFrame) -> dict[str, Any]:
    """How many ids a split has, their digest, and the name of the published split that they are, if any."""
    digest = digest_of_ids(ids)
    names = published.loc[(published["sha256"] == digest) & (published["part"] == part), "split"].tolist()
    return {"count": len(ids), "sha256": digest, "published": names[0] if names else None}


def _counts(rows: pd.DataFrame, method: str) -> dict[str, int]:
    """How many shapes are listed and scored, and how many reconstructions have no surface."""
    of_method = rows[rows["method"] == method]
    bad = of_method[of_method["status"] == "bad mesh"]
    return {
        "listed": of_method["shape"].nunique(),
        "scored": of_method["shape"].nunique() - bad["shape"].nunique(),
        "reconstructions": len(of_method) - len(bad),
        "without_surface": int((of_method["status"] == "no surface").sum()),
    }


def _stage(of_rule: list[seals.Seal]) -> dict[str, Any]:
    """The code, packages and settings of a rule's jobs; what differs between them is a list of all values."""
    parts = [part for seal in of_rule for part in seal.settings.values() if isinstance(part, dict)]
    return {
        "code_sha256": _united([seal.code for seal in of_rule]),
        "packages": _united([seal.packages for seal in of_rule]),
        "settings": _merged(parts),
    }


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    merged = {}
    for key in sorted({key for part in parts for key in part} - NOT_SETTINGS):
        values = [part[key] for part in parts if key in part]
        merged[key] = _merged(values) if all(isinstance(value, dict) for value in values) else _united(values)
    return merged


def _united(values: list[Any]) -> Any:
    """The one value that all are equal to, or else the list of the different ones."""
    different = list({json.dumps(value, sort_keys=True): value for value in values}.values())
    return different[0] if len(different) == 1 else different
