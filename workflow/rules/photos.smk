# Photos: the user's own pictures, reconstructed by every method.


rule photos:
    input:
        models=lambda wildcards: [model_of(method)(wildcards) for method in TRAINED_METHODS],
        descriptions=lambda wildcards: [model_of(method, "model.json")(wildcards) for method in TRAINED_METHODS],
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
        settings=settings(isosurface=config["isosurface"], methods=TRAINED_METHODS),
        photos=lambda wildcards: settings(photos=photo_digests(wildcards.category)),
        code=code("photos.py"),
    message:
        "reconstructing the photos of {wildcards.category}"
    script:
        "../../scripts/photos.py"
