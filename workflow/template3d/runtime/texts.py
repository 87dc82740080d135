"""Text files from users, in the encodings that editors and spreadsheets write."""

import codecs
import csv
import errno
import os
import re
from pathlib import Path

from template3d.runtime.errors import InputError
from template3d.runtime.files import check_regular

MEGABYTES = 100.0
"""The most that a text file may have, unless its reader says otherwise."""
UTF16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SEPARATOR = re.compile(r"""\s*"?sep=(?:"?([^\w\s"])|(\t))"?[;,\t ]*(?=\n|\Z)""", re.IGNORECASE)
"""The first line of a table that tells Excel what ends its cells."""


def read(file: Path, megabytes: float = MEGABYTES) -> str:
    r"""The text of a file in UTF-8, or in UTF-16 with a byte order mark (Excel's "Unicode text"); lines end with \n.

    A byte order mark is left out. Raises FileNotFoundError for a missing file, and InputError, naming the file and the
    byte, for another encoding, for more than ``megabytes``, and for what is no regular file that can be read.
    """
    if not os.path.lexists(file):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    size = check_regular(file).st_size
    if size > 1e6 * megabytes:
        raise InputError(f"{file}: has {size / 1e6:.0f} MB, but a text file here may have {megabytes:g}")
    return decode(file.read_bytes(), file)


def decode(content: bytes, source: Path) -> str:
    """The text of ``read``, from the bytes of the file ``source``."""
    encoding = UTF16.get(content[:2], "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        value, line = content[error.start], content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{source}: is not text in UTF-8: byte {error.start} (0x{value:02x}, in line {line}) is of another "
            "encoding; save the file as UTF-8"
        ) from error
    if "\0" in text:
        raise InputError(
            f"{source}: is not text: it has a zero byte in line {text[: text.index(chr(0))].count(chr(10)) + 1}; save "
            "the file as UTF-8"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def cells(line: str, delimiter: str) -> list[str]:
    """The cells of one line of a table, without blanks around them and without quotes.

    Raises ValueError if a quote is not closed.
    """
    try:
        (row,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True)
    except csv.Error as error:
        raise ValueError(f"its quotes are wrong ({error})") from error
    return [cell.strip() for cell in row]


def without_separator(text: str) -> tuple[str, str | None]:
    r"""A table with an empty line in place of Excel's first line ``sep=;``, and the mark that it names, if any."""
    line = SEPARATOR.match(text)
    return (text, None) if line is None else ("\n" * line[0].count("\n") + text[line.end() :], line[1] or line[2])
