"""Measures of a reconstruction, the retrieval baselines, and tables.

It knows nothing of Snakemake.
"""
