"""Records which functions of ours a process of the workflow calls, as the ``sitecustomize`` of its Python.

The variable TEMPLATE3D_CALLS names the folder for the records, one file for each process: its name begins with that of
the script, and each line is a file of ours and the first line of a function in it. A worker process counts for the
script that started it. Calls while a module is imported are left out: tracing all of PyTorch's takes seconds.
"""

import builtins
import os
import re
import sys
import threading
from types import CodeType, FrameType, ModuleType

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
            record.write(f"{code.co_filename}\t{code.co_firstlineno}\t{code.co_qualname}\n")
        seen[id(code)] = code

    def import_untraced(*arguments: object, **named: object) -> ModuleType:
        tracing = sys.gettrace()
        sys.settrace(None)
        try:
            return plain_import(*arguments, **named)
        finally:
            sys.settrace(tracing)

    plain_import, builtins.__import__ = builtins.__import__, import_untraced
    threading.settrace(called)
    sys.settrace(called)


if "TEMPLATE3D_CALLS" in os.environ:
    scripts = [match[1] for argument in sys.orig_argv if (match := SCRIPT.search(argument))]
    if scripts:
        os.environ["TEMPLATE3D_CALLED_BY"] = scripts[0]
    if "TEMPLATE3D_CALLED_BY" in os.environ:
        trace(os.environ["TEMPLATE3D_CALLS"], os.environ["TEMPLATE3D_CALLED_BY"])
