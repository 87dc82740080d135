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


def test_the_partial_file_of_a_killed_process_is_deleted(tmp_path):
    file = tmp_path / "table.csv"
    subprocess.run([sys.executable, "-c", KILLED, file], check=False)
    assert [path.name.startswith(".table.csv.") for path in tmp_path.iterdir()] == [True]
    files.write_text(file, "all of it")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert file.read_text() == "all of it"
