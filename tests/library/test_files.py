import subprocess
import sys

from template3d.runtime import files

KILLED = """
import os, signal, sys
from template3d.runtime import files
with files.whole(sys.argv[1]) as beside:
    beside.write_text("half of it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_half_written_goes_away(tmp_path):
    file = tmp_path / "table.csv"
    subprocess.run([sys.executable, "-c", KILLED, file], check=False)
    assert [left.name.startswith(".table.csv.") for left in tmp_path.iterdir()] == [True]
    files.write_text(file, "all of it")
    assert [left.name for left in tmp_path.iterdir()] == ["table.csv"]
    assert file.read_text() == "all of it"
