"""Results that you declared right although their code changed: the library of `snakemake accept`.

An accepted job goes on with the code that made its result, by record, so its result, the members of its archive and the
checkpoint of its training are current. The next change of its code ends that.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from template3d.data import archives
from template3d.jobs.snakemake_internals import planned
from template3d.jobs.staleness import changed_params, code_param
from template3d.runtime import files


class Accepted:
    """The accepted jobs, in a JSON file beside the results."""

    def __init__(self, file: Path) -> None:
        """Read the file; without one, nothing is accepted."""
        self.file = file
        content = json.loads(file.read_bytes()) if file.exists() else {"jobs": {}, "codes": {}}
        self.jobs: dict[str, list[str]] = content["jobs"]
        """For each job, the digest of its code when it was accepted, and of the code that made its result."""
        self.codes: dict[str, dict] = content["codes"]
        """The code that made results, by digest."""

    def code_of(self, script: str, wildcards: Mapping[str, str], code: dict[str, Any]) -> dict[str, Any]:
        """The code that a job counts as made by: ``code``, or the one that it was accepted with."""
        now, made_by = self.jobs.get(name(script, wildcards), ("", ""))
        return self.codes[made_by] if now == archives.digest(code) else code

    def accept(self, script: str, wildcards: Mapping[str, str], code: dict[str, Any], made_by: dict[str, Any]) -> None:
        """Let a job with ``code`` count as made by the code that made it."""
        digests = [archives.digest(code), archives.digest(made_by)]
        self.codes[digests[1]] = made_by
        self.jobs[name(script, wildcards)] = digests

    def save(self) -> None:
        """Write the file, without the codes that no job needs any more."""
        used = {made_by for _, made_by in self.jobs.values()}
        self.codes = {digest: code for digest, code in self.codes.items() if digest in used}
        files.write_text(self.file, json.dumps({"jobs": self.jobs, "codes": self.codes}, indent=1))


def name(script: str, wildcards: Mapping[str, str]) -> str:
    """The name of a job: its script's, and its wildcards."""
    return " ".join([Path(script).stem, *(wildcards[key] for key in sorted(wildcards))])


def accept(
    snakefile: Path, folder: Path, config: dict, file: Path, only: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Accept all jobs in ``folder`` of which only the code changed, or those of the rules or wildcards in ``only``.

    Returns two lists of lines, each with a job and its changes: the accepted jobs, and those that are not, because
    their settings changed, too, or because a result is missing.
    """
    accepted, taken, left = Accepted(file), [], []
    with planned(snakefile, folder, config, cores=1) as workflow:
        for job in workflow.dag.jobs:
            wildcards = job.wildcards_dict
            if not job.output or (only and not {job.rule.name, *wildcards.values()}.intersection(only)):
                continue
            if not (change := workflow.persistence.params_changed(job)):
                continue
            causes = "; ".join(changed_params(change.only_old, change.only_new))
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
