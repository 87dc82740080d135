# Looking at the data: what failed and why, contact sheets, and the archives as plain folders.


rule failures:
    input:
        [
            shard_file(category, shard, product)
            for category in CATEGORIES
            for shard in SHARDS[category]
            for product in ("manifest.json", *view_archives(), "sdf.zip", "surface.zip")
        ],
    output:
        table=report(
            "results/data/failed.csv",
            caption="../report/failed.rst",
            category="Data",
            labels={"what": "shapes that could not be used", "form": "CSV"},
        ),
    log:
        "results/logs/failures.log",
    benchmark:
        "results/benchmarks/failures.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        listed=sum(len(SPLITS[category][split]) for category in CATEGORIES for split in ("train", "test")),
        left_out=settings(left_out=LEFT_OUT),
        code=code("failures.py"),
    message:
        "listing the shapes that could not be used"
    script:
        "../../scripts/failures.py"


rule shapes_table:
    input:
        manifests=[file for category in CATEGORIES for file in shards_of(category, "both", "manifest.json")],
        sdf=[file for category in CATEGORIES for file in shards_of(category, "both", "sdf.zip")],
    output:
        table=report(
            "results/data/shapes.csv",
            caption="../report/shapes.rst",
            category="Data",
            labels={"what": "measures of all shapes", "form": "CSV"},
        ),
    log:
        "results/logs/shapes_table.log",
    benchmark:
        "results/benchmarks/shapes_table.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        code=code("shapes_table.py"),
    message:
        "collecting the measures of the shapes"
    script:
        "../../scripts/shapes_table.py"


rule contact_sheet:
    input:
        views=lambda wildcards: sheet_archives(wildcards.category, *view_archives()),
        sdf=lambda wildcards: sheet_archives(wildcards.category, "sdf.zip"),
        surface=lambda wildcards: sheet_archives(wildcards.category, "surface.zip"),
    output:
        views="results/pictures/contact_sheets/{category}_views.png",
        distances="results/pictures/contact_sheets/{category}_distances.png",
    log:
        "results/logs/contact_sheet/{category}.log",
    benchmark:
        "results/benchmarks/contact_sheet/{category}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=lambda wildcards: settings(synset=SYNSETS[wildcards.category], shapes=sheet_shapes(wildcards.category)),
        code=code("contact_sheet.py"),
    message:
        "contact sheets of {wildcards.category}"
    script:
        "../../scripts/contact_sheet.py"


rule contact_sheets:
    input:
        expand("results/pictures/contact_sheets/{category}_views.png", category=CATEGORIES),


rule export_shard:
    input:
        lambda wildcards: [
            shard_file(wildcards.category, wildcards.shard, product)
            for product in (*view_archives(), "sdf.zip", "surface.zip")
        ],
    output:
        listing=update("results/export/{category}_{shard}.txt"),
    log:
        "results/logs/export/{category}_{shard}.log",
    benchmark:
        "results/benchmarks/export/{category}_{shard}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        code=code("export_shard.py"),
    message:
        "unzipping {wildcards.category}, {wildcards.shard}"
    script:
        "../../scripts/export_shard.py"


rule export:
    input:
        [f"results/export/{category}_{shard}.txt" for category in CATEGORIES for shard in SHARDS[category]],


rule why:
    log:
        "results/logs/why.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        snakefile=str(BASE / "Snakefile"),
    message:
        "finding out what would run, and why"
    script:
        "../../scripts/why.py"


rule accept:
    log:
        "results/logs/accept.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        snakefile=str(BASE / "Snakefile"),
        only=config["accept"],
    message:
        "taking results as current whose code changed"
    script:
        "../../scripts/accept.py"
