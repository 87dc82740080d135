import os
from pathlib import Path

import pytest
from template3d.runtime import texts
from template3d.runtime.errors import InputError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_text_is_the_same_in_every_encoding_of_a_spreadsheet(tmp_path, encoding, line_end):
    text = f"Stühle{line_end}椅子{line_end}"
    marks = {"utf-16-le-bom": b"\xff\xfe", "utf-16-be-bom": b"\xfe\xff"}
    (tmp_path / "a.txt").write_bytes(marks.get(encoding, b"") + text.encode(encoding.removesuffix("-bom")))
    assert texts.read(tmp_path / "a.txt") == "Stühle\n椅子\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a\nStühle".encode("cp1252"), r"byte 4 \(0xfc, in line 2\) is of another encoding; save the file as UTF-8"),
        (b"abc\xff", r"byte 3 \(0xff, in line 1\)"),
        (b"\xff\xfea", "is not text in UTF-8"),  # half a character of UTF-16
        ("a\nb".encode("utf-16-le"), "has a zero byte in line 1; save the file as UTF-8"),
        ("ab".encode("utf-32"), "has a zero byte"),
        (b"text\n" + b"\0" * 100, "has a zero byte in line 2"),  # of a disk that was full
    ],
)
def test_another_encoding_is_named_with_its_byte(tmp_path, content, reason):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.txt: .*{reason}"):
        texts.read(tmp_path / "a.txt")


def test_what_is_no_text_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(InputError, match=rf"{file}: is a .*, not a regular file"):
            texts.read(file)
    (tmp_path / "large.txt").write_text("a" * 2000)
    with pytest.raises(InputError, match=r"large\.txt: has 0 MB, but a text file here may have 0\.001"):
        texts.read(tmp_path / "large.txt", megabytes=0.001)
    with pytest.raises(FileNotFoundError):
        texts.read(tmp_path / "missing.txt")
