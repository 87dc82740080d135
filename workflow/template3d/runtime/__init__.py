"""What any program needs: errors, files written whole, logs, locks, worker processes, settings, and the code that a
result depends on.

It knows nothing of meshes, PyTorch or Blender.
"""
