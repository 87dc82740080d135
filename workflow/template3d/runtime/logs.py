"""Where a job's words go: every line into its log file, and to the terminal too."""

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm.contrib.logging import logging_redirect_tqdm

from template3d.runtime import locks
from template3d.runtime.errors import InputError


@contextlib.contextmanager
def to(file: str | Path, append: bool = False) -> Iterator[logging.Logger]:
    """Log what happens inside to ``file`` and to standard error; ``append`` keeps what the file already has.

    Loggers of other libraries are heard from warnings on.

    Inside, this process is the only one that does this job (see ``locks.only``); until it is, the file stays as it
    is. An InputError, a loss that broke or a full disk ends the program with a sentence and exit code 1; any other
    error shows its traceback. Of the processes that share a training, the first one has the file; others add
    their number.
    """
    file = Path(file)
    rank = int(os.environ.get("LOCAL_RANK", 0))
    own = file.with_name(f"{file.name}.{rank}") if rank else file
    log = logging.getLogger("template3d")
    _log_to(logging.StreamHandler(sys.stderr))
    log.setLevel(logging.INFO)
    try:
        with contextlib.nullcontext() if rank else locks.only(file):
            _log_to(logging.FileHandler(own, "a" if append else "w", "utf-8"), logging.StreamHandler(sys.stderr))
            with logging_redirect_tqdm():
                yield log
    except (InputError, FloatingPointError) as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            log.error("%s; make room and run snakemake again: what was whole is still there", error)
        else:
            log.exception("stopped by an error that this program did not foresee:")
        sys.exit(1)


def _log_to(*handlers: logging.Handler) -> None:
    """Replace the root logger's handlers; its level leaves out the information of other libraries."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers, force=True
    )
