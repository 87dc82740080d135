"""The pipeline's files: ShapeNet's layout, splits, materials, archives, samples, ground truth, views and photos.

It knows nothing of networks or Blender.
"""
