"""The pipeline's files: ShapeNet's layout, split lists, materials, archives, samples, ground truth, views and photos.

It knows nothing of networks or Blender.
"""
