"""Which results cannot be trusted: those that are not what their seal says, and those made from something else."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from template3d.jobs.sealing import is_result
from template3d.jobs.snakemake_internals import has_record
from template3d.runtime import caches, seals
from template3d.runtime.digests import state_of
from template3d.runtime.errors import InputError

if TYPE_CHECKING:
    from snakemake import jobs
    from snakemake.workflow import Workflow

CHECKED = Path(".snakemake/checked_results.json")


def untrusted(workflow: "Workflow") -> dict[str, seals.Flaw]:
    """The results of the jobs of a workflow's graph that exist but cannot be trusted, each with the reason.

    They are not what their seal says, or their seal has other params or inputs than the job. Each result is compared
    only if the size or the times of it, of its seal or of a mesh changed since the last call, or if Snakemake lost its
    record.
    """
    before, sound, flaws = caches.read(CHECKED), {}, {}
    for job in workflow.dag.jobs:
        sources = [state_of(Path(file)) for file in map(str, job.input) if not is_result(file)]
        for output in job.output:
            name, result = str(output), Path(output)
            states = [state_of(result), state_of(seals.path_of(result)), *sources]
            if not states[0]:
                continue
            if before.get(name) == states and has_record(workflow, output):
                sound[name] = states
            elif flaw := seals.flaw(result, name) or _other_origin(job, result):
                # Snakemake itself notices that its record has other params
                if flaw.is_damage or not workflow.persistence.params_changed(job):
                    flaws[name] = flaw
            else:
                sound[name] = states
    if any(before.get(name) != states for name, states in sound.items()):
        caches.write(CHECKED, before | sound)
    return flaws


def set_aside(workflow: "Workflow") -> Iterator[str]:
    """Rename the damaged results that the jobs to run would replace; yields a sentence for each.

    Such a file may be a user's, and Snakemake deletes the results of a job before it runs.
    """
    running = {str(output) for job in workflow.dag.needrun_jobs() for output in job.output}
    for result, flaw in untrusted(workflow).items():
        if result in running and flaw.is_damage and os.path.lexists(flaw.file):
            yield f"{flaw}. It is set aside as {seals.set_aside(flaw.file).name} and made again."


def is_sealed(job: "jobs.Job") -> bool:
    """Whether the seals of all results of a job have its rule and its params."""
    made_from = seals.made_from(job.rule.name, dict(job.params.items()))
    try:
        return all(seals.read(Path(output)).made_from == made_from for output in job.output)
    except (FileNotFoundError, InputError):  # none, or damaged
        return False


def _other_origin(job: "jobs.Job", result: Path) -> seals.Flaw | None:
    """A flaw if the seal of a result has other params or inputs than the job."""
    seal = seals.read(result)
    if seal.made_from != seals.made_from(job.rule.name, dict(job.params.items())):
        return seals.Flaw(result, "was made with other settings or code, as its seal says", is_damage=False)
    for name, digest in seal.inputs.items():
        with contextlib.suppress(FileNotFoundError, InputError):  # the flaw is that of the input
            if seals.read(Path(name)).digest != digest:
                return seals.Flaw(result, f"was made from another {name}, as its seal says", is_damage=False)
    result_time = result.stat().st_mtime_ns
    for name, state in seal.sources.items():
        source = Path(name)  # Snakemake itself notices a newer one
        if source.exists() and source.stat().st_mtime_ns <= result_time and not seals.is_source(source, state):
            return seals.Flaw(result, f"was made from another {name}, as its seal says", is_damage=False)
    return None
