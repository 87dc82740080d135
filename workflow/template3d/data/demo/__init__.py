"""The built-in demo shapes: their parameters and their meshes.

It knows nothing of the rest of the pipeline.
"""
