"""From codes and photos to meshes, and the correspondence between them through the template.

It knows nothing of Snakemake or training.
"""
