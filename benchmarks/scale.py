"""What Snakemake itself costs at full size: the paper's run on tiny meshes, of which no stage is really made.

    .venv/bin/python benchmarks/scale.py
    .venv/bin/python benchmarks/scale.py --shapes 100000 --shards 800
    .venv/bin/python benchmarks/scale.py --sizes

Lays out a folder with the DeepSDF split lists (``--splits``; made-up ids without them) and asks Snakemake four times
what would run: before anything, when all is made, after one edited mesh, after one edited hyper-parameter. "Made" are
empty results with the records that Snakemake writes after each job. Seconds are wall-clock time of a whole
`snakemake -n`. The last line is JSON. With ``--sizes``, prints instead what
the paper's run asks of a cluster, by rule (docs/cluster.md).
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml
from snakemake.settings.types import ExecutionSettings
from snakemake.utils import update_config
from template3d.data import shapenet
from template3d.data import splits as split_lists
from template3d.data.mesh_folders import MeshFolder
from template3d.jobs.snakemake_internals import planned
from template3d.runtime import seals

REPOSITORY = Path(__file__).parents[1]
SIZES = {"chairs": (3281, 832), "sofas": (1628, 411), "planes": (1780, 456)}
"""Train and test shapes of the DeepSDF splits."""
TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


def main() -> None:
    """Build the folder, ask, touch, ask again."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--splits", type=Path, default=REPOSITORY.parent / "shared/data/splits")
    arguments.add_argument("--shapes", type=int, help="so many made-up shapes of one category, instead")
    arguments.add_argument("--shards", type=int, default=800, help="their shards")
    arguments.add_argument("--sizes", action="store_true", help="what the paper's run asks of a cluster")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.shapes:
            lists = {"chairs": made_up("chairs", options.shapes - options.shapes // 5, options.shapes // 5)}
        else:
            lists = {
                category: published(options.splits, category) or made_up(category, *SIZES[category])
                for category in SIZES
            }
        shards = {"chairs": options.shards} if options.shapes else {"chairs": 64, "sofas": 32, "planes": 32}
        mesh = lay_out(folder, lists, shards)
        print(f"{sum(len(ids) for splits in lists.values() for ids in splits.values())} shapes", flush=True)
        if options.sizes:
            print(sizes(folder))
            return
        first = ask(folder, "before anything")
        each = pretend_all_is_made(folder) / first["jobs"]
        print(f"bookkeeping: {1000 * each:.1f} ms a job", flush=True)
        noop = ask(folder, "nothing to do")
        mesh.write_text(TRIANGLE + "# edited\n")
        edited = ask(folder, "one mesh edited")
        mesh.write_text(TRIANGLE)
        setting = ask(folder, "phase1.epochs edited", {"phase1": {"epochs": 7}})
        why = ask(folder, "snakemake why", target="why")
    figures = {
        "jobs": first["jobs"],
        "first_seconds": first["seconds"],
        "noop_seconds": noop["seconds"],
        "noop_mb": noop["mb"],
        "edit_seconds": max(edited["seconds"], setting["seconds"]),
        "why_seconds": why["seconds"],
        "bookkeeping_seconds": round(each, 4),
    }
    print(json.dumps(figures))


def made_up(category: str, train: int, test: int) -> dict[str, list[str]]:
    """So many ids, the same every time."""
    ids = [hashlib.md5(f"{category}/{index}".encode()).hexdigest() for index in range(train + test)]
    return {"train": ids[:train], "test": ids[train:]}


def published(splits: Path, category: str) -> dict[str, list[str]] | None:
    """The ids of the DeepSDF splits, if they are there."""
    synset = shapenet.synsets(REPOSITORY / "resources/categories.csv")[category]
    files = {split: splits / f"sv2_{category}_{split}.json" for split in ("train", "test")}
    if not all(file.exists() for file in files.values()):
        return None
    return {split: split_lists.read_split(file, synset) for split, file in files.items()}


def lay_out(folder: Path, lists: dict[str, dict[str, list[str]]], shards: dict[str, int]) -> Path:
    """Write lists, meshes and an overlay for the configuration; returns one mesh."""
    synsets = shapenet.synsets(REPOSITORY / "resources/categories.csv")
    categories = dict.fromkeys(SIZES)
    for category, splits in lists.items():
        categories[category] = {"shards": shards[category]}
        for split, ids in splits.items():
            (folder / f"{category}_{split}.txt").write_text("\n".join(ids))
            categories[category][split] = f"{category}_{split}.txt"
            for shape in ids:
                mesh = MeshFolder(folder / "meshes").mesh_file(synsets[category], shape)
                mesh.parent.mkdir(parents=True)
                mesh.write_text(TRIANGLE)
                mesh.with_suffix(".mtl").write_text("newmtl grey\n")
    (folder / "scale.yaml").write_text(yaml.safe_dump({"shapenet": "meshes", "categories": categories}))
    return mesh


def ask(folder: Path, what: str, over: dict | None = None, target: str | None = None) -> dict:
    """What would run: its jobs, and what the question costs."""
    (folder / "over.yaml").write_text(yaml.safe_dump(over or {}))
    start = time.monotonic()
    targets = [target, "--cores", "1"] if target else ["-n"]
    output, megabytes = snakemake(folder, *targets, "--configfile", "scale.yaml", "over.yaml")
    seconds = round(time.monotonic() - start, 2)
    counts = [line.split() for line in output.splitlines()]
    jobs = next((int(words[1]) for words in counts if len(words) == 2 and words[0] == "total"), 0)
    print(f"{what}: {jobs} jobs, {seconds} s, {megabytes} MB", flush=True)
    return {"jobs": jobs, "seconds": seconds, "mb": megabytes}


def configuration(folder: Path, *files: Path) -> dict:
    """The configuration of some files and of the folder's overlay."""
    config: dict = {}
    for file in (*files, folder / "scale.yaml"):
        update_config(config, yaml.safe_load(file.read_text()))
    return config


def pretend_all_is_made(folder: Path) -> float:
    """Write empty results, their seals, and the records that Snakemake writes after a job; the seconds for that."""
    with (
        contextlib.chdir(folder),
        planned(REPOSITORY / "Snakefile", folder, configuration(folder), cores=1) as workflow,
    ):
        workflow.execution_settings = ExecutionSettings()
        start = time.monotonic()
        for job in itertools.chain(*workflow.dag.toposorted()):
            for output in map(Path, job.output):
                output.parent.mkdir(parents=True, exist_ok=True)
                output.touch()
                params = dict(job.params.items())
                seals.Seal(
                    str(output), seals.digest(output), seals.made_from(job.rule.name, params), job.rule.name
                ).write(output)
            workflow.async_run(workflow.persistence.finished(job))
        return time.monotonic() - start


def sizes(folder: Path) -> str:
    """The jobs of the paper's run by rule: how many, and what each may take at most; a Markdown table."""
    config = configuration(folder, REPOSITORY / "config.yaml", REPOSITORY / "resources/shapenet_paper.yaml")
    rows = []
    with planned(REPOSITORY / "Snakefile", folder, config, cores=64) as workflow:
        for job in workflow.dag.jobs:
            found = {name: int(job.resources.get(name, 0)) for name in ("mem_mb", "runtime", "gpu")}
            if job.output:
                rows.append({"rule": job.rule.name, "threads": job.threads, **found})
    table = pd.DataFrame(rows).groupby("rule", sort=False)
    summed = table.first().assign(jobs=table.size()).sort_values(["gpu", "jobs"], ascending=False)
    shown = pd.DataFrame(
        {
            "jobs": summed["jobs"],
            "cores": summed["threads"],
            "memory, GB": summed["mem_mb"] / 1000,
            "hours, at most": summed["runtime"] / 60,
            "GPUs": summed["gpu"],
            "GPU hours in all, at most": summed["jobs"] * summed["gpu"] * summed["runtime"] / 60,
        }
    )
    return shown.to_markdown(floatfmt="g")


def snakemake(folder: Path, *arguments: str) -> tuple[str, int]:
    """Run Snakemake in a folder; its output and the most memory it held, in MB."""
    if "--configfile" not in arguments:
        arguments = (*arguments, "--configfile", "scale.yaml")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), *arguments]
    with tempfile.TemporaryFile("w+") as output:
        running = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(running.pid, 0)
        output.seek(0)
        text = output.read()
    if status:
        raise RuntimeError(f"{' '.join(command)} failed:\n{text[-3000:]}")
    return text, round(usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
