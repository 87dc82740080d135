"""The training loop, the stages of training, checkpoints, augmentation and pretrained weights.

It knows nothing of Snakemake.
"""
