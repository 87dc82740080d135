"""The app in the browser: a photo in, a shape to turn and to change.

It lies above the rest of the library. Only ``page`` knows Gradio, which is an optional package.
"""

from template3d.app.command import main

__all__ = ["main"]
