"""General services: errors, atomic writes, logs, locks, worker processes, configuration, and code provenance.

It knows nothing of meshes, PyTorch or Blender.
"""
