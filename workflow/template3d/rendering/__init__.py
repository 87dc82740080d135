"""Pictures of meshes: cameras, Blender, its materials, and quick previews.

It knows nothing of PyTorch.
"""
