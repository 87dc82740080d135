"""Train encoder, warp and template of a category together, from images to signed distances."""

from pathlib import Path

from template3d.data.images import read_views
from template3d.data.sample_sets import Samples
from template3d.jobs.sealing import sealed_job
from template3d.jobs.training import Training, write_history
from template3d.networks import DECODER_SIZES, models
from template3d.networks.calibration import calibrated
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.origin import Origin
from template3d.runtime.limits import Limits
from template3d.training.embeddings import LossSettings
from template3d.training.end_to_end import EndToEndSettings, EndToEndStage, some_images
from template3d.training.pretrained import new_encoder

with sealed_job(snakemake, append=True):
    training = Training(
        "end_to_end",
        snakemake.config["training"],
        snakemake.threads,
        [*snakemake.input.views, *snakemake.input.samples],
        **snakemake.params,
        sources=snakemake.input.weights,
    )
    settings, start = training.settings, training.settings["end_to_end"]["weights"]
    sizes = {name: settings["phase1"][name] for name in DECODER_SIZES}
    freeze_trunk = settings["end_to_end"]["freeze_trunk"]
    encoder = new_encoder(settings["encoder"], sizes["code_length"], start, snakemake.input.weights, freeze_trunk)
    shapes = training.usable(settings["shapes"], snakemake.input.manifests)
    image_size, crop = settings["encoder"]["image_size"], settings["encoder"]["crop_to_object"]
    views = read_views(snakemake.input.views, shapes, image_size, training.memory, snakemake.threads, crop)
    if settings["end_to_end"]["rescale_initial_codes"]:
        encoder.rescale_codes(some_images(views))
    held_out = training.held_out(shapes)
    stage = EndToEndStage(
        encoder,
        ImplicitTemplate(**sizes),
        views,
        Samples.read(snakemake.input.samples, settings["synset"], shapes, training.memory),
        training.settings_of(EndToEndSettings),
        training.settings_of(LossSettings, "phase1"),
        held_out,
        training.augmentation(image_size, Limits(**snakemake.config["limits"])),
    )
    history = training.fit(stage, f"end to end of {snakemake.wildcards.category}, from {start}")
    codes = stage.mean_codes(training.device)
    calibration = calibrated(encoder, views, held_out, training.device)
    origin = Origin(snakemake.wildcards.category, len(shapes), snakemake.config["shapenet"] == "demo")
    model = models.Model(stage.decoder, sizes, codes, shapes, encoder, image_size, crop, calibration, origin)
    models.save(model, Path(snakemake.output.model), Path(snakemake.output.description))
    write_history(snakemake.output.history, history)
