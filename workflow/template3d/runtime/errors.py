"""Errors that a user can fix."""


class InputError(ValueError):
    """Something that the user gave is wrong; the message is a sentence that names it and the way out."""
