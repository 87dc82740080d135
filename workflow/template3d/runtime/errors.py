"""Errors that a user can fix."""


class InputError(ValueError):
    """An input or setting is wrong; the message is one sentence that names the cause and the fix."""
