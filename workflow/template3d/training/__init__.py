"""The training loop, its stages, checkpoints and augmentation.

It knows nothing of Snakemake.
"""
