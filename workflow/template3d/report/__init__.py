"""Figures, the gallery, contact sheets, and the summary of a run.

It knows nothing of training.
"""
