"""What the cluster's profile makes of the rules' resources, without a cluster."""

import contextlib

import yaml
from pipeline import MICRO, REPOSITORY, write_category
from template3d.jobs.snakemake_internals import planned

PROFILE = yaml.safe_load((REPOSITORY / "workflow/profiles/slurm/config.yaml").read_text())


def test_every_job_asks_for_what_it_needs_and_gpu_jobs_for_their_partition(tmp_path):
    for category in ("chairs", "planes"):
        write_category(tmp_path, category)
    config = yaml.safe_load(MICRO.read_text()) | {"training": {"gpus": 2}}
    local_total = {"gpu": 1}  # of the default profile, which Snakemake always reads
    with (
        contextlib.chdir(tmp_path),
        planned(REPOSITORY / "Snakefile", tmp_path, config, cores=8, resources=local_total) as workflow,
    ):
        jobs = {(job.rule.name, job.threads): job.resources for job in workflow.dag.jobs if job.output}
    assert {"train_embeddings", "train_end_to_end", "reconstruct", "sdf", "render"} <= {rule for rule, _ in jobs}
    for (rule, _), resources in jobs.items():
        assert resources["mem_mb"] >= 1000
        assert resources["runtime"] >= 10
        if resources.get("gpu"):
            assert (rule, resources["gpu"]) == (rule, 2)
            assert PROFILE["set-resources"][rule]["slurm_partition"] == "gpu"
            trains = rule.startswith(("train_", "pretrain_"))
            assert PROFILE["set-resources"][rule].get("gpu") == (None if trains else 1)
        else:
            assert rule not in PROFILE["set-resources"]


def test_the_profile_names_rules_that_there_are():
    rules = "".join(file.read_text() for file in (REPOSITORY / "workflow/rules").glob("*.smk"))
    assert [rule for rule in PROFILE["set-resources"] if f"rule {rule}:" not in rules] == []
