"""Records which functions of ours a process of the workflow calls, as the ``sitecustomize`` of its Python.

The variable TEMPLATE3D_CALLS names the folder for the records, one file for each process: its name begins with that of
the script, and each line is a file of ours and the first line of a function in it. A worker process counts for the
script that started it. Calls while a module is imported are left out.
"""

import os
import re
import sys
import threading
from types import CodeType, FrameType

OURS = re.compile(r"/workflow/template3d/|/\.snakemake/scripts/")
SCRIPT = re.compile(r"/\.snakemake/scripts/tmp\w+\.(\w+)\.py$")


def trace(folder: str, script: str) -> None:
    """Write each function of ours into a file of ``folder`` when it is first called."""
    seen: dict[int, CodeType] = {}
    record = open(os.path.join(folder, f"{script}.{os.getpid()}"), "a", buffering=1)  # noqa: PTH118, PTH123, SIM115

    def called(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if id(code) in seen:
            return
        if OURS.search(code.co_filename) and code.co_name != "<module>":
            if imports(frame):
                return
            record.write(f"{code.co_filename}\t{code.co_firstlineno}\t{code.co_qualname}\n")
        seen[id(code)] = code

    threading.settrace(called)
    sys.settrace(called)


def imports(frame: FrameType) -> bool:
    """Whether a module of the package is being imported."""
    above = frame.f_back
    while above:
        if above.f_code.co_name == "<module>" and "/workflow/template3d/" in above.f_code.co_filename:
            return True
        above = above.f_back
    return False


if "TEMPLATE3D_CALLS" in os.environ:
    scripts = [match[1] for argument in sys.orig_argv if (match := SCRIPT.search(argument))]
    if scripts:
        os.environ["TEMPLATE3D_CALLED_BY"] = scripts[0]
    if "TEMPLATE3D_CALLED_BY" in os.environ:
        trace(os.environ["TEMPLATE3D_CALLS"], os.environ["TEMPLATE3D_CALLED_BY"])
