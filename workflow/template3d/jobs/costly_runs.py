"""The hours of training that a run would throw away, said before it starts."""

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from template3d.jobs.staleness import Job, explained

if TYPE_CHECKING:
    from snakemake import jobs
    from snakemake.workflow import Workflow

COSTLY_HOURS = 1.0
FLAWS = "has no seal|has a damaged seal|is not what was written|is a copy of"
CONTINUES = re.compile(
    rf"its last run did not end|.* (?:is|are) not there|\S+ (?:{FLAWS}).*|config \w+\.epochs (\d+) -> (\d+)"
)
"""Causes after which a training continues from its checkpoint; of the epochs, if there are more than before."""


def warning(workflow: "Workflow") -> str:
    """A sentence with the trainings that would start again and their hours; "" if these are less than COSTLY_HOURS."""
    lost = [
        (hours, job)
        for of_graph, job in explained(workflow).items()
        if not all(map(_continues, job.causes)) and (hours := trained_hours(of_graph))
    ]
    total = sum(hours for hours, _ in lost)
    if total < COSTLY_HOURS:
        return ""
    named = "; ".join(f"{hours:.1f} h for {_short(job)}" for hours, job in sorted(lost, reverse=True))
    return (
        f"this run trains again from scratch what took {total:.1f} hours: {named}. `snakemake why` shows more; if a "
        "change of code does not matter, `snakemake accept` keeps the results. The checkpoints are kept in any case."
    )


def trains(job: "jobs.Job") -> bool:
    """Whether a job is a training."""
    return "checkpoint" in job.params.keys()  # noqa: SIM118 - Snakemake's list of params


def trained_hours(job: "jobs.Job") -> float:
    """The hours that a training took so far, from its checkpoint or benchmark; 0 for other jobs and unknown ones."""
    if not trains(job):
        return 0.0
    return max(_checkpoint_seconds(Path(job.params.checkpoint)), _benchmark_seconds(Path(str(job.benchmark)))) / 3600


def _checkpoint_seconds(file: Path) -> float:
    try:
        with file.open("rb") as checkpoint:
            header = json.loads(checkpoint.read(int.from_bytes(checkpoint.read(8), "little")))
        return json.loads(header["__metadata__"]["json"])["facts"]["seconds"]
    except (OSError, ValueError, KeyError):  # none, or damaged, which the training itself reports
        return 0.0


def _benchmark_seconds(file: Path) -> float:
    try:
        with file.open() as table:
            return sum(float(row["s"]) for row in csv.DictReader(table, delimiter="\t"))
    except (OSError, ValueError, KeyError):  # none, or not Snakemake's
        return 0.0


def _continues(cause: str) -> bool:
    found = CONTINUES.fullmatch(cause)
    return found is not None and (found[1] is None or int(found[1]) <= int(found[2]))


def _short(job: Job) -> str:
    more = f" and {len(job.causes) - 1} more causes" if len(job.causes) > 1 else ""
    return f"{job._replace(causes=job.causes[:1])}{more}"
