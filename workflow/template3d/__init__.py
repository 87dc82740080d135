"""From one photo of an object to its 3D shape, through a template that all shapes of its category are warps of."""

from importlib import metadata


def __getattr__(name: str) -> str:
    """The version of the installed package as ``__version__``; read when asked for, so that no result depends on it."""
    if name == "__version__":
        return metadata.version("template3d")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
