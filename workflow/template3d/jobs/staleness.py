"""The causes, in words, why each job would run: the library of `snakemake why`."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from template3d.jobs.accepted import Accepted, readable
from template3d.jobs.snakemake_internals import planned
from template3d.jobs.trust import untrusted

if TYPE_CHECKING:
    from snakemake import jobs
    from snakemake.workflow import Workflow

MESH, SHOWN = "model_normalized.obj", 3
USER_FILES = {"materials": "", "photos": "photo ", "labels": "labels ", "keypoints": "keypoints "}
"""The params that hold digests of files, each with what a cause calls such a file."""
DEFINITIONS = 5
"""How many definitions a line names."""


class Job(NamedTuple):
    """A job that would run, with its rule, its wildcards and the causes, in words."""

    rule: str
    wildcards: tuple[tuple[str, str], ...]
    causes: tuple[str, ...]

    def __str__(self) -> str:
        """The rule and wildcards, a colon, and the causes."""
        values = ", ".join(value for _, value in self.wildcards)
        return f"{self.rule}{' of ' * bool(values)}{values}: {'; '.join(self.causes)}".replace("; (", " (")


def stale_jobs(snakefile: Path, folder: Path, config: dict, cores: int = 1) -> list[Job]:
    """The jobs that Snakemake would run in ``folder``, sorted by rule and wildcards; runs none of them.

    ``config`` overrides the workflow's configuration. Raises WorkflowError for a wrong configuration.
    """
    with planned(snakefile, folder, config, cores=cores) as workflow:
        return sorted(explained(workflow).values())


def explained(workflow: "Workflow") -> dict["jobs.Job", Job]:
    """The jobs of a workflow's graph that would run, each with its causes."""
    dag = workflow.dag
    running = {job for job in dag.jobs if dag.needrun(job) and job.output}
    changed = {str(file) for job in running for file in dag.reason(job).updated_input}
    stale, accepted, flaws = {}, Accepted(), untrusted(workflow)
    for job in running:
        above = sorted({other.rule.name for other in dag.dependencies[job] if other in running})
        wildcards = tuple(sorted(job.wildcards_dict.items()))
        recorded = workflow.persistence.input(job.output[0]) or []
        # the reason itself lacks changed params if a job above runs
        change = workflow.persistence.params_changed(job)
        known = readable(change.only_old)
        before = accepted.params_before(job.rule.script, job.wildcards_dict, known)
        why = [
            *(str(flaws[output]) for output in map(str, job.output) if output in flaws),
            *["its record in results/records is damaged"] * (len(known) < len(change.only_old)),
            *changed_params(before, change.only_new),
            *causes(job, dag.reason(job), above, recorded, changed),
        ]
        stale[job] = Job(job.rule.name, wildcards, tuple(why))
    return stale


def causes(
    job: "jobs.Job", reason: "jobs.Reason", above: list[str], recorded: list[str], changed: set[str]
) -> Iterator[str]:
    """The causes, in words, why a job would run, besides changed params.

    ``above`` holds the rules that run before the job and whose results it uses; ``recorded`` the files that its last
    run used; ``changed`` all files that changed, because Snakemake reports these only for the first job that uses them.
    """
    files, before = {str(file) for file in job.input}, {str(file) for file in recorded}
    news = (("changed", files & changed & (before or files)), ("is new", files - before), ("is gone", before - files))
    for what, concerned in news if recorded else news[:1]:
        meshes = sorted(file for file in concerned if file.endswith(MESH))
        for mesh in meshes[:SHOWN]:
            yield f"mesh {'/'.join(Path(mesh).parts[-4:-2])} {what}"
        if meshes:
            more = f", {len(meshes) - SHOWN} more" if len(meshes) > SHOWN else ""
            yield f"({len(meshes)} of {sum(file.endswith(MESH) for file in files)} members{more})"
        yield from (f"{_short(file)} {what}" for file in sorted(concerned - set(meshes)))
    if reason.software_stack_changed:
        yield "its conda environment changed"
    if reason.missing_output and not above:
        lacking = sorted(map(str, reason.missing_output))
        more = f" and {len(lacking) - SHOWN} more files" if len(lacking) > SHOWN else ""
        yield f"{', '.join(lacking[:SHOWN])}{more} {'are' if len(lacking) > 1 else 'is'} not there"
    if reason.incomplete_output:
        yield "its last run did not end"
    if above:
        yield f"{', '.join(above)} runs before it"


def changed_params(before: set[str], now: set[str]) -> Iterator[str]:
    """The differences between two sets of params, which Snakemake records as the ``repr`` of a Python value each."""
    old, new = _merged(before), _merged(now)
    different = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    code = [key for key in different if key.startswith("code ")]
    code.sort(key=lambda key: (key in old) + (key in new), reverse=True)  # changed ones first
    for key in code[:DEFINITIONS]:
        verb = "is new" if key not in old else "is not used any more" if key not in new else "changed"
        yield f"{key.removeprefix('code ')} {verb}"
    if len(code) > DEFINITIONS:
        yield f"{len(code) - DEFINITIONS} more definitions"
    for key in (key for key in different if key not in code):
        was, is_now = old.get(key), new.get(key)
        kind, _, file = key.partition(".")
        if kind in USER_FILES:
            verb = "is new" if was is None else "is gone" if is_now is None else "changed"
            yield f"{USER_FILES[kind]}{_short(file)} {verb}"
        elif key.startswith("packages."):
            yield f"package {key.removeprefix('packages.')} {was} -> {is_now}"
        elif key.split(".")[0] in ("shapes", "splits") and was and is_now and set(was) != set(is_now):
            yield from (f"{key}: {entry} was added" for entry in is_now if entry not in was)
            yield from (f"{key}: {entry} was removed" for entry in was if entry not in is_now)
        else:
            yield f"config {key} {json.dumps(was)} -> {json.dumps(is_now)}"


def _merged(params: set[str]) -> dict:
    flat: dict[str, Any] = {}
    for param in params:
        value = ast.literal_eval(param)
        flat |= dict(_flat(value)) if isinstance(value, dict) else {"params": value}
    return flat


def _flat(values: dict, start: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{start}{key}" + (" " if not start and key == "code" else "."))
        else:
            yield f"{start}{key}", value


def _short(file: str) -> str:
    """A short name: the shape of a mesh or material, the path of any other file."""
    parts = Path(file).parts
    return f"{parts[-1]} of {parts[-4]}/{parts[-3]}" if len(parts) > 3 and parts[-2] in ("models", "images") else file
