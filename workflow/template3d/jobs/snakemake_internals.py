"""The internals of Snakemake 9.27 that this workflow uses, each with the reason.

All other code uses the public interface. Look here first when a new version of Snakemake breaks something.
"""

import contextlib
import functools
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake.api import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings, SnakemakeApi
from snakemake.common.configfile import load_configfile
from snakemake.dag import DAG
from snakemake.exceptions import WorkflowError
from snakemake.persistence import NO_PARAMS_CHANGE, RECORD_FORMAT_VERSION, MetadataRecord
from snakemake.persistence.file import FilePersistence
from snakemake.resources import Resource
from snakemake.settings.enums import Quietness, RerunTrigger

from template3d.runtime import locks, seals
from template3d.runtime.errors import InputError

if TYPE_CHECKING:
    from snakemake import jobs
    from snakemake.workflow import Workflow

TRIGGERS = frozenset({RerunTrigger.MTIME, RerunTrigger.PARAMS, RerunTrigger.INPUT, RerunTrigger.SOFTWARE_ENV})
"""As in workflow/profiles/default."""
CHECKSUM_BYTES = 10_000_000_000
_check_incomplete, _read_record = DAG.check_incomplete, FilePersistence._read_record
_params_changed = FilePersistence.params_changed


def find_interpreter_by_path() -> None:
    """Make ``sys.executable`` a bare name, found on PATH, if a shell would split or expand its path.

    Snakemake writes ``sys.executable`` unquoted into the shell commands of jobs and scripts, so in a folder with a
    space in its name no job would start. Snakemake has no option for this (docs/installation.md).
    """
    interpreter = Path(sys.executable)
    if shlex.quote(str(interpreter)) != str(interpreter):
        os.environ["PATH"] = os.pathsep.join([str(interpreter.parent), os.environ["PATH"]])
        sys.executable = interpreter.name


def keep_records_with_results(folder: Path, records: Path) -> None:
    """Let Snakemake keep its records of what each result was made from in ``records``, so that they go where it goes.

    Snakemake has them in ``.snakemake/metadata``, which is lost when somebody copies the results only; then times alone
    would decide what is stale.
    """
    metadata = folder / ".snakemake/metadata"
    results = records.parent
    if not all(os.access(path, os.W_OK) for path in (folder, results) if path.exists()):
        return  # Snakemake reports it, if it needs to write
    if records.exists() and not records.is_dir():
        seals.set_aside(records)
    records.mkdir(parents=True, exist_ok=True)
    metadata.with_name("incomplete").mkdir(parents=True, exist_ok=True)  # or Snakemake looks for records of version 1
    if metadata.is_symlink():
        return
    if metadata.is_dir():  # of a run before this existed
        for entry in metadata.iterdir():
            if not (records / entry.name).exists():
                shutil.move(entry, records / entry.name)
        shutil.rmtree(metadata)
    metadata.symlink_to(os.path.relpath(records, metadata.parent), target_is_directory=True)


def keep_locks_of_others() -> None:
    """Let a run remove its own locks only, and let ``--unlock`` refuse while another run is at work.

    Snakemake removes the whole folder of locks when any run in it ends, `snakemake why` too.
    """

    def delete_own(persistence: FilePersistence) -> None:
        for lock in persistence._lockfile.values():
            Path(lock).unlink(missing_ok=True)
        persistence._lockfile.clear()

    def delete_all(persistence: FilePersistence) -> None:
        if locks.others_run(Path.cwd()):
            raise WorkflowError("another Snakemake runs in this folder; stop it before you unlock the folder")
        shutil.rmtree(persistence._lockdir, ignore_errors=True)

    FilePersistence._delete_locks, FilePersistence.cleanup_locks = delete_own, delete_all


def remake(results: Callable[["Workflow"], Iterable[str]]) -> None:
    """Let every run make the existing files that ``results`` returns for its workflow again.

    Snakemake has options for files that it knows to be incomplete, and none for files that somebody else knows to be
    wrong.
    """

    async def check(dag: DAG) -> None:
        await _check_incomplete(dag)
        dag.forcefiles.update(results(dag.workflow))

    DAG.check_incomplete = check


def prefer_seals(is_sealed: Callable[["jobs.Job"], bool]) -> None:
    """Let a job's seals decide where its record is damaged: it cannot be read, or says that the params changed."""

    def read_record(persistence: FilePersistence, key: str) -> MetadataRecord | None:
        try:
            return _read_record(persistence, key)
        except (ValueError, OSError, RecursionError):  # no UTF-8, values of another type, a folder
            return None

    def params_changed(persistence: FilePersistence, job: "jobs.Job", file: Any = None) -> Any:
        change = _params_changed(persistence, job, file)
        return NO_PARAMS_CHANGE if change and is_sealed(job) else change

    FilePersistence._read_record, FilePersistence.params_changed = read_record, params_changed


def has_record(workflow: "Workflow", output: str) -> bool:
    """Whether Snakemake has a record of the params that a result was made with; one that is damaged does not count."""
    record = workflow.persistence.metadata(output)
    return bool(record and record.params is not None and record.record_format_version >= RECORD_FORMAT_VERSION)


def print_only_answers(workflow: "Workflow") -> None:
    """Hide the table of jobs and the progress, which otherwise needs a profile or ``--quiet``."""
    workflow.output_settings.quiet.update({Quietness.RULES, Quietness.PROGRESS})


def allow_gpus(workflow: "Workflow", gpus: int) -> None:
    """Let one job use ``gpus`` GPUs; otherwise the profile's ``gpu: 1`` would silently reduce its request to 1."""
    if "gpu" in workflow.global_resources and workflow.global_resources["gpu"].value < gpus:
        workflow.global_resources["gpu"] = Resource("gpu", gpus)


def configuration_files(workflow: "Workflow") -> list[Path]:
    """The configuration files, the one that holds before the others first."""
    given = list(map(Path, workflow.overwrite_configfiles))
    return [*reversed(given), *(Path(file) for file in workflow.configfiles if Path(file) not in given)]


def naming_folders(workflow: "Workflow", key: tuple[str, ...], value: str) -> Iterator[Path]:
    """The folders of the configuration files that give ``key`` this value, and the working directory.

    Snakemake merges the files and does not say which one a value is from.
    """
    for file in configuration_files(workflow):
        entry: Any = _configuration(file)
        for name in key:
            entry = entry.get(name) if isinstance(entry, dict) else None
        if entry == value:
            yield file.parent
    yield Path()


@functools.cache
def _configuration(file: Path) -> dict:
    return load_configfile(file)


def fetch(workflow: "Workflow", stored: Any, url: str) -> Path:
    """Fetch a storage object while the workflow is parsed, because the list of shapes determines the jobs.

    ``stored`` is the result of ``storage.http(url)``. Raises InputError if it cannot be fetched.
    """
    file = stored.flags["storage_object"]
    try:
        workflow.async_run(file.managed_retrieve())
    except WorkflowError as error:
        raise InputError(f"{url}: cannot be fetched; get it elsewhere and give its path ({error})") from error
    return Path(file.local_path())


@contextlib.contextmanager
def planned(snakefile: Path, folder: Path, config: dict, **resources: Any) -> Iterator["Workflow"]:
    """A workflow with its graph of jobs, without running them; ``resources`` are those of Snakemake's ResourceSettings.

    Snakemake's API prints the jobs that would run; it does not return them.
    """
    logging.getLogger("snakemake").setLevel(logging.ERROR)
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow_api = api.workflow(
            resource_settings=ResourceSettings(**resources),
            config_settings=ConfigSettings(config=config),
            snakefile=snakefile,
            workdir=folder,
        )
        workflow_api.dag(DAGSettings(rerun_triggers=TRIGGERS, max_checksum_file_size=CHECKSUM_BYTES))
        workflow = workflow_api._workflow
        workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True, nolock=True)
        workflow._build_dag()
        yield workflow
