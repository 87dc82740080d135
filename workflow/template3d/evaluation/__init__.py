"""Measures of a reconstruction, the baselines, and tables.

It knows nothing of Snakemake.
"""
