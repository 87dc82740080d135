"""Triangle meshes: reading, normalization, visibility, signed distances, and the isosurface of a distance function.

It knows nothing of the pipeline's files, PyTorch or Blender.
"""
