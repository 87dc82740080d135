"""The networks, their losses, and models on disk.

It knows nothing of rendering; importing this package alone does not load PyTorch.
"""

DECODER_SIZES = ("code_length", "warp_hidden", "warp_steps", "template_hidden", "dropout")
"""The keys of ``phase1`` that say how large warp and template are."""
