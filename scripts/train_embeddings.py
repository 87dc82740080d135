"""Phase 1 of a category: train template, warp and one code per shape, or take them from a published experiment."""

from pathlib import Path

from template3d.data.sample_sets import Samples
from template3d.jobs.sealing import sealed_job
from template3d.jobs.training import Training, write_history
from template3d.networks import DECODER_SIZES, deep_implicit_templates, models
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.origin import Origin
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings

with sealed_job(snakemake, append=True) as job:
    training = Training(
        "phase1", snakemake.config["training"], snakemake.threads, snakemake.input.samples, **snakemake.params
    )
    settings = training.settings
    if settings["phase1"]["from"]:
        published = Path(snakemake.input.published[0])
        model, history = deep_implicit_templates.as_phase1(published.parent, settings["shapes"]), []
        job.log.info("%d codes, warp and template are those of %s", len(model.codes), published)
    else:
        shapes = training.usable(settings["shapes"], snakemake.input.manifests)
        samples = Samples.read(snakemake.input.samples, settings["synset"], shapes, training.memory)
        sizes = {name: settings["phase1"][name] for name in DECODER_SIZES}
        stage = EmbeddingStage(
            ImplicitTemplate(**sizes),
            samples,
            training.settings_of(EmbeddingSettings),
            training.settings_of(LossSettings),
        )
        history = training.fit(stage, f"phase 1 of {snakemake.wildcards.category}")
        model = models.Model(stage.decoder, sizes, codes=stage.codes.weight, shapes=shapes)
    built_in = snakemake.config["shapenet"] == "demo"
    model.trained_on = Origin(snakemake.wildcards.category, len(model.shapes), built_in)
    models.save(model, Path(snakemake.output.model), Path(snakemake.output.description))
    write_history(snakemake.output.history, history)
