# Photos: the user's own pictures, reconstructed by every method, or by the model of `photo_models`.


rule photos:
    input:
        models=trained_photo_models,
        descriptions=lambda wildcards: trained_photo_models(wildcards, "model.json"),
    output:
        table=report(
            "results/photos/{category}/photos.csv",
            caption="../report/photos.rst",
            category="Photos",
            labels={"what": "{category}", "form": "CSV"},
        ),
    log:
        "results/logs/photos/{category}.log",
    benchmark:
        "results/benchmarks/photos/{category}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    # not in params, because it concerns only what is still to be made: `limits`
    params:
        settings=lambda wildcards: settings(
            isosurface=config["isosurface"],
            methods=photo_methods(wildcards.category),
            model=PHOTO_MODELS.get(wildcards.category, ""),
        ),
        photos=lambda wildcards: settings(photos=photo_digests(wildcards.category)),
        code=code("photos.py"),
    message:
        "reconstructing the photos of {wildcards.category}"
    script:
        "../../scripts/photos.py"
