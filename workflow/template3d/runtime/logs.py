"""Logging of a job: every line goes to its log file and to the terminal."""

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
    """Log to ``file`` and to standard error inside a ``with`` block; ``append`` keeps the file's content.

    Other libraries log warnings and errors only. The block holds the job's lock (see ``locks.only``), and the file is
    not touched before the lock is acquired. An InputError, a FloatingPointError or a full disk ends the program with
    one sentence and exit code 1; any other error is logged with its traceback. When several processes share a
    training, the first one writes ``file``, and each other one appends its rank to the file's name.
    """
    file = Path(file)
    rank = int(os.environ.get("LOCAL_RANK", 0))
    own = file.with_name(f"{file.name}.{rank}") if rank else file
    log = logging.getLogger("template3d")
    _log_to(logging.StreamHandler(sys.stderr))
    log.setLevel(logging.INFO)
    try:
        with contextlib.nullcontext() if rank else locks.only(file):
            _log_to(
                logging.FileHandler(own, "a" if append else "w", "utf-8", errors="backslashreplace"),
                logging.StreamHandler(sys.stderr),
            )
            with logging_redirect_tqdm():
                yield log
    except (InputError, FloatingPointError) as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            log.error("%s; make room and run snakemake again; complete files are kept", error)
        else:
            log.exception("stopped by an unexpected error:")
        sys.exit(1)


def _log_to(*handlers: logging.Handler) -> None:
    """Replace the handlers of the root logger, whose level hides the info lines of other libraries."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers, force=True
    )
