"""Meshes from codes and photos, and the correspondence of shapes through the template.

It knows nothing of Snakemake or training.
"""
