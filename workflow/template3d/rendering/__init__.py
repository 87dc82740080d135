"""Images of meshes: cameras, view protocols, Blender and its materials, and quick previews.

It knows nothing of PyTorch.
"""
