"""A job that verifies the results that it reads, and seals those that it writes."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from template3d.data import archives
from template3d.runtime import logs, seals
from template3d.runtime.errors import InputError

RESULTS = "results/"
"""Every file in it was made by a job."""


class SealedJob:
    """A running job."""

    def __init__(self, job: Any, log: logging.Logger) -> None:
        """Start with the object ``snakemake`` of a script."""
        self.log = log
        self.members: dict[Path, list[Path]] = {}
        """The undeclared files that the job wrote, by the declared result that they belong to."""
        self._job = job
        files = dict.fromkeys(map(str, job.input))
        self._inputs = {file: _verified(file) for file in files if is_result(file)}
        self._sources = {file: seals.source_state(Path(file)) for file in files if not is_result(file)}

    def seal(self) -> None:
        """Write the seals of all results."""
        params = dict(self._job.params.items())
        code = params.get("code", {})
        for output in map(Path, self._job.output):
            if not output.exists():  # which Snakemake reports
                continue
            seals.Seal(
                str(output),
                seals.digest(output),
                seals.made_from(self._job.rule, params),
                self._job.rule,
                dict(self._job.wildcards.items()),
                {name: value for name, value in params.items() if name != "code"},
                archives.digest(code),
                code.get("packages", {}),
                self._inputs,
                self._sources,
                {str(file.relative_to(output.parent)): seals.digest(file) for file in self.members.get(output, ())},
            ).write(output)


@contextlib.contextmanager
def sealed_job(snakemake: Any, append: bool = False) -> Iterator[SealedJob]:
    """Log to the job's log file, verify its inputs, and seal its outputs at the end; see ``logs.to``.

    ``snakemake`` is the object of this name in a script. An input under ``results`` that is not what its seal says is
    set aside, and the job fails with a sentence that names it; the next run makes it again.
    """
    with logs.to(snakemake.log[0], append) as log:
        job = SealedJob(snakemake, log)
        yield job
        if not int(os.environ.get("LOCAL_RANK", 0)):  # one of the processes that share a training
            job.seal()


def is_result(file: str) -> bool:
    """Whether a job made a file, given by its path relative to the folder of the run."""
    return file.startswith(RESULTS)


def _verified(file: str) -> str:
    """The digest of a result, after comparing it with its seal."""
    result = Path(file)
    if flaw := seals.flaw(result, file, seals.PATIENCE):
        try:
            aside = f"it is set aside as {seals.set_aside(flaw.file).name}, and "
        except FileNotFoundError:  # a member that is missing
            aside = ""
        except OSError as error:
            raise InputError(f"{flaw}; it cannot be set aside ({error}): delete it, and run snakemake again") from error
        raise InputError(f"{flaw}; {aside}the next run makes it again")
    return seals.read(result).digest
