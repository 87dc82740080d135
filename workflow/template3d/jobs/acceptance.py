"""Takes results as current whose code changed: the library of `snakemake accept`."""

from collections.abc import Collection
from pathlib import Path

from template3d.jobs.accepted import Accepted, code_param, name
from template3d.jobs.snakemake_internals import planned
from template3d.jobs.staleness import changed_params


def accept(snakefile: Path, folder: Path, config: dict, only: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Accept all jobs in ``folder`` of which only the code changed, or those of the rules or wildcards in ``only``.

    Returns two lists of lines, each with a job and its changes: the accepted jobs, and those that are not, because
    their settings changed, too, or because a result is missing.
    """
    taken, left = [], []
    with planned(snakefile, folder, config, cores=1) as workflow:
        accepted = Accepted()
        for job in workflow.dag.jobs:
            wildcards = job.wildcards_dict
            if not job.output or (only and not {job.rule.name, *wildcards.values()}.intersection(only)):
                continue
            if not (change := workflow.persistence.params_changed(job)):
                continue
            last = accepted.params_before(job.rule.script, wildcards, change.only_old)
            causes = "; ".join(changed_params(last, change.only_new))
            line = f"{name(job.rule.name, wildcards)}: {causes}"
            before, now = code_param(change.only_old), code_param(change.only_new)
            is_complete = all(Path(output).exists() for output in job.output)
            if before and now and len(change.only_old) == len(change.only_new) == 1 and is_complete:
                accepted.accept(job.rule.script, wildcards, now, before)
                taken.append(line)
            else:
                left.append(line)
        if taken:
            accepted.save()
    return sorted(taken), sorted(left)
