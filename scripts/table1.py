"""Table 1: the first method beside the baselines and published numbers; and the protocol of its numbers."""

import json
from io import StringIO
from pathlib import Path

import pandas as pd
from template3d.evaluation import tables
from template3d.evaluation.methods import BASELINES
from template3d.jobs import protocol
from template3d.jobs.sealing import sealed_job
from template3d.runtime import files

TITLE = "Table 1: Chamfer distance x 1000 on the test shapes"

with sealed_job(snakemake) as job:
    settings = snakemake.params.settings
    metrics = pd.concat([tables.read_metrics(file) for file in snakemake.input.metrics])
    table = tables.summary(metrics, (settings["method"], *BASELINES))
    published = pd.read_csv(StringIO(settings["published"]))
    published = published[published["category"].isin(settings["categories"])]
    files.write_text(snakemake.output.csv, table.to_csv(index=False))
    splits = pd.read_csv(StringIO(settings["published_splits"]))
    facts = protocol.of_metrics(snakemake.input.metrics, metrics, settings["method"], splits)
    text = tables.markdown(table, TITLE, published) + "\n" + protocol.in_words(facts)
    files.write_text(snakemake.output.markdown, text)
    files.write_text(snakemake.output.latex, tables.latex(table, TITLE))
    files.write_text(snakemake.output.protocol, json.dumps(facts, indent=1, sort_keys=True) + "\n")
    job.log.info("\n%s", Path(snakemake.output.markdown).read_text())
