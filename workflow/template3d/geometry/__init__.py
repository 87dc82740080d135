"""Triangle meshes: reading, normalization, visibility, signed distances, and isosurfaces of distance functions.

It knows nothing of the pipeline's files or Blender; only ``isosurface`` uses PyTorch.
"""
