"""What the paper's trainings need and what is automatic, by GPU memory and RAM; computed, no card is needed.

    .venv/bin/python benchmarks/memory.py

Prints the two tables of docs/training.md. A step's bytes are those that its forward pass keeps for the backward pass
(`training/footprint.py`), plus a tenth. Data are those of the DeepSDF lists' chairs.
"""

from pathlib import Path

import pandas as pd
import yaml
from snakemake.utils import update_config
from template3d.training import footprint

REPOSITORY = Path(__file__).parents[1]
SHAPES = 3281
CARDS, RAM = (8, 16, 24, 48, 80), (32, 64)
OTHER_GB = 1.0
"""The CUDA context, weights, gradients and Adam's averages."""
STAGES = {"phase1": "phase 1", "phase2": "phase 2", "contrastive": "contrastive", "end_to_end": "end to end"}


def configuration() -> dict:
    """The configuration of the paper's run."""
    config: dict = {}
    for file in ("config.yaml", "resources/shapenet_paper.yaml"):
        update_config(config, yaml.safe_load((REPOSITORY / file).read_text()))
    return config


def main() -> None:
    """Print the tables."""
    config = configuration()
    samples = 16 * SHAPES * config["sdf"]["count"] / 1e9
    size = config["encoder"]["image_size"]
    gigabytes: dict[str, dict[str, float]] = {}
    for section, name in STAGES.items():
        kinds = config[section].get("views", [])
        views = 3 * size**2 * SHAPES * sum(config["views"][kind] for kind in kinds) / 1e9
        steps = {}
        for precision in ("32", "bf16"):
            of_stage = config | {section: config[section] | {"precision": precision}}
            steps[f"step, {precision}"] = footprint.step(section, of_stage, gpus=1) / 1e9
        gigabytes[name] = steps | {"samples": samples if "scenes_per_batch" in config[section] else 0.0, "views": views}
    print(pd.DataFrame(gigabytes).T.to_markdown(floatfmt=".1f"), end="\n\n")
    rows = []
    for card in CARDS:
        for ram in RAM:
            row = {"GPU, GB": card, "RAM, GB": ram}
            row |= {name: automatic(need, card, ram) for name, need in gigabytes.items()}
            rows.append(row)
    print(pd.DataFrame(rows).to_markdown(index=False))


def automatic(need: dict[str, float], card: float, ram: float) -> str:
    """What a training does by itself with a card and a machine, in bf16: its parts, and where its data are."""
    free, step = card - OTHER_GB, need["step, bf16"]
    where = []
    for data in ("samples", "views"):
        if not need[data]:
            continue
        if need[data] <= free - step:
            where.append(f"{data} on the GPU")
            free -= need[data]
        else:
            where.append(f"{data} in {'memory' if need[data] <= ram / 2 else 'files'}")
    parts = ""
    if step > free:
        parts = f"{max(1, int(24 * free / step))} shapes at a time; " if need["samples"] else "does not fit; "
    return parts + ", ".join(where)


if __name__ == "__main__":
    main()
