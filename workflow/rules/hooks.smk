# What a whole run does before its first job and after its last.

import os

from template3d.jobs import costly_runs
from template3d.report.summary import summary

PROGRAM.save()  # all rules are read: the analysis of their code is complete


# Before anything runs: say if trainings lack GPUs here, and if hours of training would be lost; ask a person at a terminal.
onstart:
    if workflow.is_main_process:
        snakemake_internals.keep_records_with_results(Path.cwd(), RECORDS)
    if workflow.is_main_process and TRAINING["gpus"] and not workflow.non_local_exec:
        if any(map(costly_runs.trains, workflow.dag.needrun_jobs())):
            from template3d.training.stage import check_gpus  # PyTorch takes seconds to import

            try:
                check_gpus(TRAINING["gpus"])
            except InputError as error:
                raise WorkflowError(f"{error}. Nothing was run.")
    if workflow.is_main_process and config["confirm"] == "ask" and (cost := costly_runs.warning(workflow)):
        print(f"Attention: {cost}", file=sys.stderr)
        if sys.stdin.isatty() and not workflow.non_local_exec:
            print("Train again? [y/N] ", end="", file=sys.stderr, flush=True)
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                raise WorkflowError("nothing was run; --config confirm=yes continues without a question")
    if workflow.is_main_process:
        for sentence in photos.misplaced(Path(config["photos"]), CATEGORIES):
            print(f"Attention: {sentence}", file=sys.stderr)
    if workflow.is_main_process and not workflow.touch:
        for sentence in trust.set_aside(workflow):
            print(f"Attention: {sentence}", file=sys.stderr)


# Print where the results are, if the run made all of them; `make` prints it itself, also when nothing was to be done.
onsuccess:
    if not workflow.dag_settings.targets and "MAKELEVEL" not in os.environ:
        print(summary(Path("results")), file=sys.stderr)
