"""The work of the workflow's rules on one shape or one shard, and ``staleness``, the library of `snakemake why`.

It knows nothing of the rules; only ``snakemake_internals`` imports Snakemake.
"""
