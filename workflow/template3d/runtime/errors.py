"""Errors that a user can fix."""


class InputError(ValueError):
    """An input or setting is wrong; the message is one sentence that names the cause and the fix."""

    def __init__(self, sentence: object) -> None:
        """Make the sentence printable."""
        super().__init__(printable(str(sentence)))


def printable(text: str) -> str:
    """A text in which escapes replace what UTF-8 cannot hold: the bytes of file names in another encoding."""
    return text.encode("utf-8", "backslashreplace").decode()
