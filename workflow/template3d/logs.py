"""Where a job's words go: every line into its log file, and to the terminal too."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm.contrib.logging import logging_redirect_tqdm

from template3d.errors import InputError


@contextlib.contextmanager
def to(file: str | Path) -> Iterator[logging.Logger]:
    """Log what happens inside to ``file`` and to standard error.

    An InputError ends the program with its sentence and exit code 1; any other error shows its traceback.
    """
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    handlers = [logging.FileHandler(file, mode="w", encoding="utf-8"), logging.StreamHandler(sys.stderr)]
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers, force=True
    )
    log = logging.getLogger("template3d")
    try:
        with logging_redirect_tqdm():
            yield log
    except InputError as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception:
        log.exception("stopped by an error that this program did not foresee:")
        sys.exit(1)
