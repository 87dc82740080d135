"""How jobs find the Python interpreter."""

import os
import shlex
import sys
from pathlib import Path


def find_by_path_where_needed() -> None:
    """Make ``sys.executable`` a bare name, found by PATH, where a shell would split or expand its path.

    Snakemake 9.27.1 writes ``sys.executable`` unquoted into the shell commands of jobs and scripts, so in a folder with
    a space in its name no job would start.
    """
    interpreter = Path(sys.executable)
    if shlex.quote(str(interpreter)) != str(interpreter):
        os.environ["PATH"] = os.pathsep.join([str(interpreter.parent), os.environ["PATH"]])
        sys.executable = interpreter.name
