"""Takes results as current whose code changed: the library of `snakemake accept`."""

from collections.abc import Collection
from pathlib import Path

from template3d.jobs.accepted import Accepted, code_param, name, readable
from template3d.jobs.snakemake_internals import has_record, planned
from template3d.jobs.staleness import changed_params
from template3d.runtime import seals


def accept(snakefile: Path, folder: Path, config: dict, only: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Accept all jobs in ``folder`` of which only the code changed, or those of the rules or wildcards in ``only``.

    Results that have no seal, such as those of an earlier version, get one. Returns two lists of lines, each with a job
    and its changes: the accepted jobs, and those that are not, because their settings changed, too, or because a result
    is missing.
    """
    taken, left = [], []
    with planned(snakefile, folder, config, cores=1) as workflow:
        accepted = Accepted()
        for job in workflow.dag.jobs:
            wildcards, results = job.wildcards_dict, list(map(Path, job.output))
            if not results or (only and not {job.rule.name, *wildcards.values()}.intersection(only)):
                continue
            unsealed = [result for result in results if result.exists() and not seals.path_of(result).exists()]
            change = workflow.persistence.params_changed(job)
            if not change and not unsealed:
                continue
            recorded = readable(change.only_old)
            causes = list(changed_params(accepted.params_before(job.rule.script, wildcards, recorded), change.only_new))
            line = (
                f"{name(job.rule.name, wildcards)}: {'; '.join(causes + [f'{file} has no seal' for file in unsealed])}"
            )
            before, now = code_param(recorded), code_param(change.only_new)
            only_code = not change or (before and now and len(change.only_old) == len(change.only_new) == 1)
            is_known = all(has_record(workflow, output) and Path(output).exists() for output in job.output)
            if not only_code or not is_known:
                left.append(line)
                continue
            if before and now:
                accepted.accept(job.rule.script, wildcards, now, before)
            params = dict(job.params.items()) | ({"code": before} if before else {})
            for result in unsealed:
                made_from = seals.made_from(job.rule.name, params)
                seals.Seal(str(result), seals.digest(result), made_from, job.rule.name, dict(wildcards)).write(result)
            taken.append(line)
        if taken:
            accepted.save()
    return sorted(taken), sorted(left)
