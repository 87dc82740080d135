"""Reconstructs the 3D shape of an object from one photo, through a template that its category shares.

A public name loads its module when you first use it, so importing the package alone loads nothing else.
"""

from importlib import import_module, metadata
from typing import Any

PUBLIC = {
    "chamfer": "evaluation.metrics",
    "load_deep_implicit_template": "networks.deep_implicit_templates",
    "load_model": "networks.models",
    "reconstruct_photo": "reconstruction.photo",
    "sample_sdf": "geometry.sdf",
    "signed_distances": "geometry.sdf",
}
"""The stable names, each with its module."""
__all__ = [*PUBLIC]


def __getattr__(name: str) -> Any:
    """Load a public name, or the version of the installed package as ``__version__``."""
    if name in PUBLIC:
        return getattr(import_module(f"{__name__}.{PUBLIC[name]}"), name)
    if name == "__version__":
        return metadata.version("template3d")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *PUBLIC])
