"""The networks, their losses, and models on disk.

It knows nothing of rendering. Importing this package alone does not load PyTorch.
"""

DECODER_SIZES = ("code_length", "warp_hidden", "warp_steps", "template_hidden", "dropout")
"""The keys of ``phase1`` that set the sizes of warp and template."""
