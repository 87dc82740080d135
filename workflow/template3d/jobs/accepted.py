"""The record of results that you declared right although their code changed."""

import ast
import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from template3d.data import archives
from template3d.runtime import files, seals
from template3d.runtime.errors import InputError

FILE = Path("results/accepted.json")


class Accepted:
    """The accepted jobs. Each keeps the code that made its result, until its code changes again.

    So its result, the members of its archive and the checkpoint of its training are current.
    """

    def __init__(self, file: Path = FILE) -> None:
        """Read the file; without one, nothing is accepted. Raises InputError if it is damaged."""
        self.file = file
        content = _read(file) if os.path.lexists(file) else {"jobs": {}, "codes": {}}
        self.jobs: dict[str, list[str]] = content["jobs"]
        """For each job, the digest of its code when it was accepted, and of the code that made its result."""
        self.codes: dict[str, dict] = content["codes"]
        """These codes, by digest."""

    def code_of(self, script: str, wildcards: Mapping[str, str], code: dict[str, Any]) -> dict[str, Any]:
        """The code that a job counts as made by: ``code``, or the one that it was accepted with."""
        if not self.jobs:  # as a rule; a digest for each of a thousand jobs would take 0.1 s
            return code
        now, made_by = self.jobs.get(name(script, wildcards), ("", ""))
        return self.codes[made_by] if now == archives.digest(code) else code

    def accept(self, script: str, wildcards: Mapping[str, str], code: dict[str, Any], made_by: dict[str, Any]) -> None:
        """Let a job with ``code`` count as made by the code that made it."""
        digests = [archives.digest(code), archives.digest(made_by)]
        self.codes |= dict(zip(digests, (code, made_by), strict=True))
        self.jobs[name(script, wildcards)] = digests

    def params_before(self, script: str, wildcards: Mapping[str, str], params: set[str]) -> set[str]:
        """Recorded params of a job, with the code that was last accepted instead of the one that made the result."""
        now, made_by = self.jobs.get(name(script, wildcards), ("", ""))
        code = code_param(params)
        if code is None or archives.digest(code) != made_by:
            return params
        return {param for param in params if ast.literal_eval(param) != code} | {repr(self.codes[now])}

    def save(self) -> None:
        """Write the file, without the codes that no job needs any more."""
        used = {digest for digests in self.jobs.values() for digest in digests}
        self.codes = {digest: code for digest, code in self.codes.items() if digest in used}
        content: dict[str, Any] = {"jobs": self.jobs, "codes": self.codes}
        files.write_text(self.file, json.dumps(content | {"digest": archives.digest(content)}, indent=1))


def _read(file: Path) -> dict[str, Any]:
    try:
        files.check_regular(file)
        content = json.loads(file.read_bytes())
        if content.pop("digest") != archives.digest(content):
            raise ValueError("it is not what was written")
        return content
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        aside = seals.set_aside(file)
        raise InputError(
            f"{file}: damaged ({error}); it is set aside as {aside.name}. From now on nothing is accepted: "
            "`snakemake why` shows what would run, and `snakemake accept` accepts it again"
        ) from error


def name(script: str, wildcards: Mapping[str, str]) -> str:
    """The name of a job: its script's, and its wildcards."""
    return " ".join([Path(script).stem, *(wildcards[key] for key in sorted(wildcards))])


def readable(params: Iterable[str]) -> set[str]:
    """The params that Snakemake recorded, without those that cannot be read, because the record is damaged."""
    found = set()
    for param in params:
        with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            ast.literal_eval(param)
            found.add(param)
    return found


def code_param(params: Iterable[str]) -> dict[str, Any] | None:
    """The code and the packages of a job, from its params as Snakemake records them; None if they are not there."""
    values = map(ast.literal_eval, params)
    return next((value for value in values if isinstance(value, dict) and value.keys() == {"code", "packages"}), None)
